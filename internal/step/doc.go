// Package step holds what operations on jails and releases do and undo. Each step
// is a struct whose fields are its arguments, with Do and, where there is
// something to undo, Undo; package plan runs them. Packages jail and release
// decide which steps an operation has, in a [List].
//
// A step names its object by what cannot be mistaken: a dataset by guid or by the
// mark of the operation that made it, a mount by fsid, a jail by its identity.
package step
