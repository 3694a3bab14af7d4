package events

// Events of hooks and commands.

type (
	// JailHookPrestart reports exec.prestart, run on the host before the jail is created.
	JailHookPrestart CommandFields
	// JailHookCreated reports exec.created, run on the host right after the jail was created.
	JailHookCreated CommandFields
	// JailHookStart reports exec.start, run in the jail.
	JailHookStart CommandFields
	// JailHookPoststart reports exec.poststart, run on the host once the jail is up.
	JailHookPoststart CommandFields
	// JailHookPrestop reports exec.prestop, run on the host before the jail is stopped.
	JailHookPrestop CommandFields
	// JailHookStop reports exec.stop, run in the jail.
	JailHookStop CommandFields
	// JailHookPoststop reports exec.poststop, run on the host after the jail was removed.
	JailHookPoststop CommandFields
	// JailCommand reports a command run in a jail.
	JailCommand CommandFields
)

// JailHookOutput is output of a running hook or command as it arrives, sent by
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

// maxMergedOutput bounds the memory of output waiting for room.
const maxMergedOutput = 4 << 10

// mergeKey keeps the output of different hooks and streams apart.
func (e JailHookOutput) mergeKey() string { return TypeOf(e) + " " + e.Hook + " " + e.Stream }

// merge returns e with the output of older, which has the same key, prepended.
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

// HookResult is the outcome of a hook or command.
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
	// Result returns the outcome, complete in the final event.
	Result() HookResult
}

func result(e CommandFields) HookResult {
	return HookResult{e.Command, e.Stdout, e.Stderr, e.ExitCode}
}
