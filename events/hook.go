package events

// Events of hooks and commands.

// JailHookPrestart tells of exec.prestart, run on the host before the jail is
// created.
type JailHookPrestart struct {
	Header   `json:"-"`
	Jail     string `json:"jail"`
	Command  string `json:"command"`   // as configured
	Stdout   string `json:"stdout"`    // whole, in the final event
	Stderr   string `json:"stderr"`    // whole, in the final event
	ExitCode int    `json:"exit_code"` // -1 if a signal ended it
}

// Type returns "JailHookPrestart".
func (JailHookPrestart) Type() string { return "JailHookPrestart" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailHookPrestart) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailHookPrestart) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailHookPrestart) subject() string              { return e.Jail }

// Hook returns "prestart".
func (JailHookPrestart) Hook() string { return "prestart" }

// Result returns what the command answered.
func (e JailHookPrestart) Result() HookResult {
	return HookResult{e.Command, e.Stdout, e.Stderr, e.ExitCode}
}

// JailHookCreated tells of exec.created, run on the host right after the jail
// was created.
type JailHookCreated struct {
	Header   `json:"-"`
	Jail     string `json:"jail"`
	Command  string `json:"command"`   // as configured
	Stdout   string `json:"stdout"`    // whole, in the final event
	Stderr   string `json:"stderr"`    // whole, in the final event
	ExitCode int    `json:"exit_code"` // -1 if a signal ended it
}

// Type returns "JailHookCreated".
func (JailHookCreated) Type() string { return "JailHookCreated" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailHookCreated) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailHookCreated) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailHookCreated) subject() string              { return e.Jail }

// Hook returns "created".
func (JailHookCreated) Hook() string { return "created" }

// Result returns what the command answered.
func (e JailHookCreated) Result() HookResult {
	return HookResult{e.Command, e.Stdout, e.Stderr, e.ExitCode}
}

// JailHookStart tells of exec.start, run in the jail.
type JailHookStart struct {
	Header   `json:"-"`
	Jail     string `json:"jail"`
	Command  string `json:"command"`   // as configured
	Stdout   string `json:"stdout"`    // whole, in the final event
	Stderr   string `json:"stderr"`    // whole, in the final event
	ExitCode int    `json:"exit_code"` // -1 if a signal ended it
}

// Type returns "JailHookStart".
func (JailHookStart) Type() string { return "JailHookStart" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailHookStart) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailHookStart) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailHookStart) subject() string              { return e.Jail }

// Hook returns "start".
func (JailHookStart) Hook() string { return "start" }

// Result returns what the command answered.
func (e JailHookStart) Result() HookResult {
	return HookResult{e.Command, e.Stdout, e.Stderr, e.ExitCode}
}

// JailHookPoststart tells of exec.poststart, run on the host once the jail is
// up.
type JailHookPoststart struct {
	Header   `json:"-"`
	Jail     string `json:"jail"`
	Command  string `json:"command"`   // as configured
	Stdout   string `json:"stdout"`    // whole, in the final event
	Stderr   string `json:"stderr"`    // whole, in the final event
	ExitCode int    `json:"exit_code"` // -1 if a signal ended it
}

// Type returns "JailHookPoststart".
func (JailHookPoststart) Type() string { return "JailHookPoststart" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailHookPoststart) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailHookPoststart) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailHookPoststart) subject() string              { return e.Jail }

// Hook returns "poststart".
func (JailHookPoststart) Hook() string { return "poststart" }

// Result returns what the command answered.
func (e JailHookPoststart) Result() HookResult {
	return HookResult{e.Command, e.Stdout, e.Stderr, e.ExitCode}
}

// JailHookPrestop tells of exec.prestop, run on the host before the jail is
// stopped.
type JailHookPrestop struct {
	Header   `json:"-"`
	Jail     string `json:"jail"`
	Command  string `json:"command"`   // as configured
	Stdout   string `json:"stdout"`    // whole, in the final event
	Stderr   string `json:"stderr"`    // whole, in the final event
	ExitCode int    `json:"exit_code"` // -1 if a signal ended it
}

// Type returns "JailHookPrestop".
func (JailHookPrestop) Type() string { return "JailHookPrestop" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailHookPrestop) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailHookPrestop) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailHookPrestop) subject() string              { return e.Jail }

// Hook returns "prestop".
func (JailHookPrestop) Hook() string { return "prestop" }

// Result returns what the command answered.
func (e JailHookPrestop) Result() HookResult {
	return HookResult{e.Command, e.Stdout, e.Stderr, e.ExitCode}
}

// JailHookStop tells of exec.stop, run in the jail.
type JailHookStop struct {
	Header   `json:"-"`
	Jail     string `json:"jail"`
	Command  string `json:"command"`   // as configured
	Stdout   string `json:"stdout"`    // whole, in the final event
	Stderr   string `json:"stderr"`    // whole, in the final event
	ExitCode int    `json:"exit_code"` // -1 if a signal ended it
}

// Type returns "JailHookStop".
func (JailHookStop) Type() string { return "JailHookStop" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailHookStop) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailHookStop) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailHookStop) subject() string              { return e.Jail }

// Hook returns "stop".
func (JailHookStop) Hook() string { return "stop" }

// Result returns what the command answered.
func (e JailHookStop) Result() HookResult {
	return HookResult{e.Command, e.Stdout, e.Stderr, e.ExitCode}
}

// JailHookPoststop tells of exec.poststop, run on the host after the jail was
// removed.
type JailHookPoststop struct {
	Header   `json:"-"`
	Jail     string `json:"jail"`
	Command  string `json:"command"`   // as configured
	Stdout   string `json:"stdout"`    // whole, in the final event
	Stderr   string `json:"stderr"`    // whole, in the final event
	ExitCode int    `json:"exit_code"` // -1 if a signal ended it
}

// Type returns "JailHookPoststop".
func (JailHookPoststop) Type() string { return "JailHookPoststop" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailHookPoststop) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailHookPoststop) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailHookPoststop) subject() string              { return e.Jail }

// Hook returns "poststop".
func (JailHookPoststop) Hook() string { return "poststop" }

// Result returns what the command answered.
func (e JailHookPoststop) Result() HookResult {
	return HookResult{e.Command, e.Stdout, e.Stderr, e.ExitCode}
}

// JailCommand tells of a command run in a jail.
type JailCommand struct {
	Header   `json:"-"`
	Jail     string `json:"jail"`
	Command  string `json:"command"`   // as configured
	Stdout   string `json:"stdout"`    // whole, in the final event
	Stderr   string `json:"stderr"`    // whole, in the final event
	ExitCode int    `json:"exit_code"` // -1 if a signal ended it
}

// Type returns "JailCommand".
func (JailCommand) Type() string { return "JailCommand" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailCommand) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailCommand) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailCommand) subject() string              { return e.Jail }

// Hook returns "command".
func (JailCommand) Hook() string { return "command" }

// Result returns what the command answered.
func (e JailCommand) Result() HookResult {
	return HookResult{e.Command, e.Stdout, e.Stderr, e.ExitCode}
}

// JailHookOutput is output of a running hook or command as it comes, told by
// [Span.Progress] below the hook's span. When there is no room for it, it is
// merged with the next one: Data then holds the output of both, up to its
// newest 4 KiB. The final event of the hook has all of it.
type JailHookOutput struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
	Hook   string `json:"hook"`   // as [HookEvent] names it
	Stream string `json:"stream"` // stdout or stderr
	Data   string `json:"data"`
	Lost   int64  `json:"lost"` // bytes left out before Data
}

// Type returns "JailHookOutput".
func (JailHookOutput) Type() string { return "JailHookOutput" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailHookOutput) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailHookOutput) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailHookOutput) subject() string              { return e.Jail }

// maxMergedOutput bounds the memory of output that waits for room.
const maxMergedOutput = 4 << 10

// mergeKey keeps the output of different hooks and streams apart.
func (e JailHookOutput) mergeKey() string { return e.Type() + " " + e.Hook + " " + e.Stream }

// merge returns e with the output of older, which has the same key, before its own.
func (e JailHookOutput) merge(older IocEvent) IocEvent {
	o := older.(JailHookOutput)
	e.Data = o.Data + e.Data
	e.Lost += o.Lost
	if n := len(e.Data) - maxMergedOutput; n > 0 {
		e.Data = e.Data[n:]
		e.Lost += int64(n)
	}
	return e
}

// HookResult is what a hook or command answered.
type HookResult struct {
	Command        string
	Stdout, Stderr string
	ExitCode       int // -1 if a signal ended it
}

// HookEvent is implemented by the events of hooks and by [JailCommand].
type HookEvent interface {
	IocEvent
	// Hook names the hook as jail(8) does, without "exec.": prestart, created,
	// start, poststart, prestop, stop, poststop, or command.
	Hook() string
	// Result returns what the hook answered; complete in the final event.
	Result() HookResult
}
