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
// # Many jails
//
// [List] finds the jails of all sources and the running ones of other programs,
// with one process at most; [ListOptions] sorts, or looks at mounted jails only
// and starts none. [StartAll], [StopAll] and [Each] work on a selection in
// parallel: each jail has its [Result], one failure hides no other. A jail's
// depends names those that are started, and ready, before it; [Boot] and
// [Shutdown] do so for the host within a budget of time.
//
// Three properties are of this library alone, stored where libioc and iocage
// leave them be: user.ready, a [Probe] that dependants wait for, user.health, one
// that a [Supervisor] makes while the jail runs, and user.restart, a
// [RestartPolicy]. [Watch] tells of every change of any jail, whoever made it,
// and [Usages] what jails use.
//
// Errors of operations are *[Error] around a sentinel of this package, a
// *[HookError], or an error of packages kernel, zfsstore, config or release.
package jail
