// Package network says what network a jail is to have, and sets it up in the kernel.
//
// [Compute] turns a configuration into a [Spec], which is plain data, and
// changes nothing. The rest compares one part of it with the kernel and applies
// the difference: [AddAliases], [EnsureNIC], [EnsureInside], [EnsureLoopback],
// [EnsureRoutes], [EnsureRules], [EnsurePf]. Each may run any number of times, on a jail
// that starts, on one that runs and on what a crash has left, and does nothing
// when nothing is missing. Each has a counterpart that takes the part away, for
// which "it does not exist" counts as success. [Differences] compares all parts and
// changes nothing. What a running jail itself has is not the host's: a [Table] of
// the records of all jails says what jails have brought, and what is each one's own.
//
// Whose an interface is stands in its description, which survives every move
// between network stacks and every renaming by the jail's root: see
// [Description]. Names are never parsed. Whose a rule of ipfw(8) is stands in
// the rule's comment, whose an anchor of pf(4) in its name.
package network
