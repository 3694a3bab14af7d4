// Package jail creates, starts, stops, destroys and lists jails as libioc does:
// a jail is a dataset below a source's jails dataset, with its root file
// system in the child dataset root and its properties in config.json.
//
// A [Jail] comes from [New] (it does not exist yet), [Load] or [List]. Its long
// operations are all or nothing: a failure or the end of the context undoes
// what was done, except what hooks did and what belongs to the host, kernel
// modules and devfs rulesets; the next operation on that jail, or [Recover],
// clears what a crash has left. Each operation has two forms:
//
//	web.Start(ctx, o)          runs it and returns its events and its error
//	web.Generator().Start(o)   returns it as an [Operation]:
//	    .Events(ctx)           runs it and returns the channel of its events
//	    .Plan(ctx)             plans it without touching anything; running the
//	                           [Plan] executes exactly that, or fails if it is stale
//
// Two operations on one jail never interleave, in one process or in several:
// the second one gets [ErrBusy], or waits if its options say so. Exec, Load and
// List need no lock.
//
// # Properties
//
// A value is read in one of three ways. Code uses the typed keys of package
// config/key, key.Priority.Of(web.Effective()), which a misspelled name keeps from
// compiling. [Jail.GetString] returns the text that a person is shown, by a name
// that is only known at run time. [Jail.Field] returns what selectors and the
// columns of lists compare: all values of a property, and facts such as running.
// [Jail.Config] has the jail's own properties alone; [Jail.Set] changes them in a
// running jail.
//
// # Many jails
//
// [List] finds the jails of all sources and the running ones of other programs,
// with one process at most; [ListOptions] sorts, or lists mounted jails only and
// starts none. Package fleet works on a selection of them: in the order of the
// property depends, in parallel, with the host.
//
// Two properties are of this library alone, stored where libioc and iocage leave
// them be: user.ready, a [Probe] that dependants wait for, and user.health, one
// that is made while the jail runs.
//
// Errors of operations are *[Error] around a sentinel of this package, a
// *[HookError], or an error of packages kernel, zfsstore, config or release.
package jail
