// Package fleet works on many jails of a host: it starts and stops them in the
// order of their dependencies, with the host or on demand, watches them, measures
// them and supervises them. Package jail works on one jail.
//
// [StartAll], [StopAll] and [Each] work on a selection in parallel: each jail has
// its [Result], and a failure hides no other. A jail's property depends selects
// the jails that are started, and ready, before it. [Boot] and [Shutdown] do the
// same for the whole host within a budget of time.
//
// [Watch] reports every change of any jail, whoever made it, and [Usages] what
// jails use. A [Supervisor] makes the health probe of each jail while it runs and
// starts the jail again as its [config.RestartPolicy] says, the property user.restart.
package fleet
