// Package network says what network a jail is to have, and sets it up in the kernel.
//
// [Compute] turns a configuration into a [Spec], which is plain data, and
// changes nothing. The rest compares one part of it with the kernel and applies
// the difference: [AddAliases], [EnsureNIC], [EnsureInside], [EnsureLoopback],
// [EnsureRoutes], [EnsureRules]. Each may run any number of times, on a jail
// that starts, on one that runs and on what a crash has left, and does nothing
// when nothing is missing. Each has a counterpart that takes the part away, for
// which "it is not there" counts as success.
//
// Whose an interface is stands in its description, which survives every move
// between network stacks and every renaming by the jail's root: see
// [Description]. Names are never parsed. Whose a rule of ipfw(8) is stands in
// the rule's comment, whose an anchor of pf(4) in its name.
package network
