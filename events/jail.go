package events

import "slices"

// Events of one jail's life. All identify by the jail's name.

// JailCreate tells that a jail is created.
type JailCreate struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
	Source string `json:"source"` // release, template or jail it is made from; empty for an empty jail
}

// Type returns "JailCreate".
func (JailCreate) Type() string { return "JailCreate" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailCreate) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailCreate) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailCreate) subject() string              { return e.Jail }

// JailStart tells that a jail is started; everything else of the start is
// below it.
type JailStart struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
}

// Type returns "JailStart".
func (JailStart) Type() string { return "JailStart" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailStart) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailStart) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailStart) subject() string              { return e.Jail }

// JailStop tells that a jail is stopped; everything else of the stop is below
// it.
type JailStop struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
}

// Type returns "JailStop".
func (JailStop) Type() string { return "JailStop" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailStop) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailStop) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailStop) subject() string              { return e.Jail }

// JailRestart tells that a jail is restarted, softly or by a stop and a start
// below it.
type JailRestart struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
}

// Type returns "JailRestart".
func (JailRestart) Type() string { return "JailRestart" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailRestart) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailRestart) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailRestart) subject() string              { return e.Jail }

// JailSoftShutdown tells of the first half of a soft restart: exec.stop runs,
// the jail stays.
type JailSoftShutdown struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
}

// Type returns "JailSoftShutdown".
func (JailSoftShutdown) Type() string { return "JailSoftShutdown" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailSoftShutdown) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailSoftShutdown) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailSoftShutdown) subject() string              { return e.Jail }

// JailAttach tells that the kernel creates the jail, jail_set(2) with
// JAIL_CREATE.
type JailAttach struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
	JID    int    `json:"jid"` // in the final event
}

// Type returns "JailAttach".
func (JailAttach) Type() string { return "JailAttach" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailAttach) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailAttach) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailAttach) subject() string              { return e.Jail }

// JailRemove tells that the kernel removes the jail, jail_remove(2).
type JailRemove struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
	JID    int    `json:"jid"`
}

// Type returns "JailRemove".
func (JailRemove) Type() string { return "JailRemove" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailRemove) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailRemove) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailRemove) subject() string              { return e.Jail }

// JailClone tells that a jail is cloned.
type JailClone struct {
	Header `json:"-"`
	Jail   string `json:"jail"`   // the new jail
	Source string `json:"source"` // the jail or dataset it is cloned from
}

// Type returns "JailClone".
func (JailClone) Type() string { return "JailClone" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailClone) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailClone) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailClone) subject() string              { return e.Jail }

// JailRename tells that a jail gets another name.
type JailRename struct {
	Header      `json:"-"`
	CurrentName string `json:"current_name"`
	NewName     string `json:"new_name"`
}

// Type returns "JailRename".
func (JailRename) Type() string { return "JailRename" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailRename) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailRename) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailRename) subject() string              { return e.CurrentName }

// JailDestroy tells that a jail and its datasets are destroyed.
type JailDestroy struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
}

// Type returns "JailDestroy".
func (JailDestroy) Type() string { return "JailDestroy" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailDestroy) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailDestroy) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailDestroy) subject() string              { return e.Jail }

// JailRecover tells that what an interrupted operation left of a jail is
// finished or undone.
type JailRecover struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
}

// Type returns "JailRecover".
func (JailRecover) Type() string { return "JailRecover" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailRecover) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailRecover) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailRecover) subject() string              { return e.Jail }

// JailDependantsStart tells that the jails are started which a jail depends
// on.
type JailDependantsStart struct {
	Header  `json:"-"`
	Jail    string   `json:"jail"`    // the jail that depends on them
	Started []string `json:"started"` // in the final event: those that this operation started, in order
}

// Type returns "JailDependantsStart".
func (JailDependantsStart) Type() string { return "JailDependantsStart" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailDependantsStart) MarshalJSON() ([]byte, error) { return Marshal(e) }

func (e JailDependantsStart) with(h Header) IocEvent {
	e.Header = h
	e.Started = slices.Clone(e.Started)
	return e
}
func (e JailDependantsStart) subject() string { return e.Jail }

// JailDependantStart tells that one jail is started because another depends on
// it.
type JailDependantStart struct {
	Header `json:"-"`
	Jail   string `json:"jail"` // the jail that is started
}

// Type returns "JailDependantStart".
func (JailDependantStart) Type() string { return "JailDependantStart" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailDependantStart) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailDependantStart) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailDependantStart) subject() string              { return e.Jail }

// JailConfigSave tells that a jail's configuration is written.
type JailConfigSave struct {
	Header `json:"-"`
	Jail   string   `json:"jail"`
	Keys   []string `json:"keys"` // the changed keys
}

// Type returns "JailConfigSave".
func (JailConfigSave) Type() string { return "JailConfigSave" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailConfigSave) MarshalJSON() ([]byte, error) { return Marshal(e) }

func (e JailConfigSave) with(h Header) IocEvent {
	e.Header = h
	e.Keys = slices.Clone(e.Keys)
	return e
}
func (e JailConfigSave) subject() string { return e.Jail }

// JailModuleLoad tells that a kernel module is loaded which a jail needs,
// kldload(2).
type JailModuleLoad struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
	Module string `json:"module"`
}

// Type returns "JailModuleLoad".
func (JailModuleLoad) Type() string { return "JailModuleLoad" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailModuleLoad) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailModuleLoad) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailModuleLoad) subject() string              { return e.Jail }

// JailDevfsRuleset tells that the jail's devfs ruleset is loaded into the
// kernel.
type JailDevfsRuleset struct {
	Header  `json:"-"`
	Jail    string `json:"jail"`
	Ruleset int    `json:"ruleset"` // number
}

// Type returns "JailDevfsRuleset".
func (JailDevfsRuleset) Type() string { return "JailDevfsRuleset" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailDevfsRuleset) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailDevfsRuleset) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailDevfsRuleset) subject() string              { return e.Jail }

// JailResolverConfig tells that resolv.conf(5) is written into a jail.
type JailResolverConfig struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
}

// Type returns "JailResolverConfig".
func (JailResolverConfig) Type() string { return "JailResolverConfig" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailResolverConfig) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailResolverConfig) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailResolverConfig) subject() string              { return e.Jail }

// JailResourceLimitAction tells that rctl(8) limits of a jail are set or
// cleared.
type JailResourceLimitAction struct {
	Header `json:"-"`
	Jail   string   `json:"jail"`
	Action string   `json:"action"` // set or clear
	Limits []string `json:"limits"` // the rules in rctl(8) form
}

// Type returns "JailResourceLimitAction".
func (JailResourceLimitAction) Type() string { return "JailResourceLimitAction" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailResourceLimitAction) MarshalJSON() ([]byte, error) { return Marshal(e) }

func (e JailResourceLimitAction) with(h Header) IocEvent {
	e.Header = h
	e.Limits = slices.Clone(e.Limits)
	return e
}
func (e JailResourceLimitAction) subject() string { return e.Jail }

// JailPromote tells that what a jail was cloned from becomes a clone of the
// jail, so that it can be destroyed.
type JailPromote struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
}

// Type returns "JailPromote".
func (JailPromote) Type() string { return "JailPromote" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailPromote) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailPromote) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailPromote) subject() string              { return e.Jail }

// JailTemplate tells that a jail is made a template, or a template a jail.
type JailTemplate struct {
	Header   `json:"-"`
	Jail     string `json:"jail"`
	Template bool   `json:"template"` // what it is from then on
}

// Type returns "JailTemplate".
func (JailTemplate) Type() string { return "JailTemplate" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailTemplate) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailTemplate) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailTemplate) subject() string              { return e.Jail }

// JailSnapshot tells that a snapshot of a whole jail is created, destroyed or
// rolled back to.
type JailSnapshot struct {
	Header   `json:"-"`
	Jail     string `json:"jail"`
	Snapshot string `json:"snapshot"` // its name, without the dataset
	Action   string `json:"action"`   // create, rollback or destroy
}

// Type returns "JailSnapshot".
func (JailSnapshot) Type() string { return "JailSnapshot" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailSnapshot) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailSnapshot) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailSnapshot) subject() string              { return e.Jail }
