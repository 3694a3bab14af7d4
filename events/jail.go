package events

// Events of one jail's life. Their subject is the jail's name.

type (
	// JailStart reports that a jail is started; everything else of the start is below it.
	JailStart JailFields
	// JailStop reports that a jail is stopped; everything else of the stop is below it.
	JailStop JailFields
	// JailRestart reports that a jail is restarted, softly or by a stop and a start below it.
	JailRestart JailFields
	// JailDependantStart reports that a jail is started because another depends on it. The
	// events of that start are its own operation's.
	JailDependantStart JailFields
	// JailDestroy reports that a jail and its datasets are destroyed.
	JailDestroy JailFields
	// JailRecover reports that the remains of an interrupted operation on a jail are completed or undone.
	JailRecover JailFields
	// JailResolverConfig reports that resolv.conf(5) is written into a jail.
	JailResolverConfig JailFields
	// JailPromote reports that the origin of a jail is made a clone of the jail (zfs-promote(8)), so that the origin can be destroyed.
	JailPromote JailFields
)

// JailDependantsStart reports that what a jail depends on is started before it.
type JailDependantsStart struct {
	Header  `json:"-"`
	Jail    string   `json:"jail"`
	Started []string `json:"started"` // full names, in that order; in the final event
}

// JailCreate reports that a jail is created.
type JailCreate struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
	Source string `json:"source"` // its release, template or origin jail; empty for an empty jail
}

// JailAttach reports that the kernel creates the jail: jail_set(2) with
// JAIL_CREATE.
type JailAttach struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
	JID    int    `json:"jid"` // in the final event
}

// JailRemove reports that the kernel removes the jail: jail_remove(2).
type JailRemove struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
	JID    int    `json:"jid"`
}

// JailClone reports that a jail is cloned.
type JailClone struct {
	Header `json:"-"`
	Jail   string `json:"jail"`   // the new jail
	Source string `json:"source"` // the jail or dataset it is cloned from
}

// JailRename reports that a jail is renamed.
type JailRename struct {
	Header      `json:"-"`
	CurrentName string `json:"current_name"`
	NewName     string `json:"new_name"`
}

// JailConfigSave reports that a jail's configuration is written.
type JailConfigSave struct {
	Header `json:"-"`
	Jail   string   `json:"jail"`
	Keys   []string `json:"keys"` // the changed keys
}

// JailModuleLoad reports that a kernel module required by a jail is loaded,
// kldload(2).
type JailModuleLoad struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
	Module string `json:"module"`
}

// JailDevfsRuleset reports that the jail's devfs ruleset is loaded into the
// kernel.
type JailDevfsRuleset struct {
	Header  `json:"-"`
	Jail    string `json:"jail"`
	Ruleset int    `json:"ruleset"` // number
}

// JailResourceLimitAction reports that rctl(8) limits of a jail are set or
// cleared.
type JailResourceLimitAction struct {
	Header `json:"-"`
	Jail   string   `json:"jail"`
	Action string   `json:"action"` // set or clear
	Limits []string `json:"limits"` // the rules in rctl(8) form
}

// JailTemplate reports that a jail is turned into a template, or back.
type JailTemplate struct {
	Header   `json:"-"`
	Jail     string `json:"jail"`
	Template bool   `json:"template"` // the new state
}

// JailSnapshot reports that a snapshot of a whole jail is created, destroyed or
// rolled back to.
type JailSnapshot struct {
	Header   `json:"-"`
	Jail     string `json:"jail"`
	Snapshot string `json:"snapshot"` // its name, without the dataset
	Action   string `json:"action"`   // create, rollback or destroy
}
