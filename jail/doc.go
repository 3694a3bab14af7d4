// Package jail creates, starts, stops, destroys and lists jails as libioc does:
// a jail is a dataset below a source's jails dataset, with its root file
// system in the child dataset root and its properties in config.json.
//
// A [Jail] comes from [New] (it does not exist yet), [Load] or [List]. Its long
// operations are all or nothing: a failure or the end of the context undoes
// what was done, a crash is cleared by the next operation on that jail or by
// [Recover]. Each operation has four forms:
//
//	Start      of a Jail: runs, returns all events and the error
//	Start      of the embedded JailGenerator: returns a channel of events
//	PlanStart  plans without touching anything; the Plan can be printed
//	Plan.Run   executes exactly the plan, or refuses if it is stale
//
// Two operations on one jail never interleave, in one process or in several:
// the second one gets [ErrBusy], or waits if its options say so. Exec, Load and
// List need no lock.
//
// Errors of operations are *[Error] around a sentinel of this package, a
// *[HookError], or an error of packages kernel, zfsstore, config or release.
package jail
