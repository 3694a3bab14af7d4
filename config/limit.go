package config

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// unit is the unit of a resource of rctl(8).
type unit uint8

const (
	unitBytes unit = iota
	unitCount
	unitSeconds
	unitPercent
	unitRate // bytes or operations per second
)

type resource struct {
	name string
	unit unit
	// shared resources are counted per jail only: a per-process rule is
	// EOPNOTSUPP (sys/kern/kern_rctl.c).
	shared bool
	doc    string
}

var resources = [...]resource{
	{"cputime", unitSeconds, false, "CPU time, in seconds."},
	{"datasize", unitBytes, false, "Data size, in bytes."},
	{"stacksize", unitBytes, false, "Stack size, in bytes."},
	{"coredumpsize", unitBytes, false, "Core dump size, in bytes."},
	{"memoryuse", unitBytes, false, "Resident set size, in bytes."},
	{"memorylocked", unitBytes, false, "Locked memory, in bytes."},
	{"maxproc", unitCount, false, "Number of processes."},
	{"openfiles", unitCount, false, "File descriptor table size."},
	{"vmemoryuse", unitBytes, false, "Address space, in bytes."},
	{"pseudoterminals", unitCount, true, "Number of PTYs."},
	{"swapuse", unitBytes, true, "Swap space that may be reserved or used, in bytes."},
	{"nthr", unitCount, false, "Number of threads."},
	{"msgqqueued", unitCount, true, "Number of queued SysV messages."},
	{"msgqsize", unitBytes, true, "SysV message queue size, in bytes."},
	{"nmsgq", unitCount, true, "Number of SysV message queues."},
	{"nsem", unitCount, true, "Number of SysV semaphores."},
	{"nsemop", unitCount, false, "Number of SysV semaphores modified in one semop(2) call."},
	{"nshm", unitCount, true, "Number of SysV shared memory segments."},
	{"shmsize", unitBytes, true, "SysV shared memory size, in bytes."},
	{"wallclock", unitSeconds, false, "Wallclock time, in seconds."},
	{"pcpu", unitPercent, false, "CPU usage, in percent of one CPU."},
	{"readbps", unitRate, false, "File system reads, in bytes per second."},
	{"writebps", unitRate, false, "File system writes, in bytes per second."},
	{"readiops", unitRate, false, "File system reads, in operations per second."},
	{"writeiops", unitRate, false, "File system writes, in operations per second."},
}

func findResource(name string) (resource, bool) {
	i := slices.IndexFunc(resources[:], func(r resource) bool { return r.name == name })
	if i < 0 {
		return resource{}, false
	}
	return resources[i], true
}

// A Limit is one rule of rctl(8) for a jail.
type Limit struct {
	Resource string
	Action   string // deny, log, devctl, throttle or sig*, lower-case
	Amount   uint64 // bytes, count, seconds or percent
	Per      string // jail, process, user or loginclass
}

// Rule returns the part of an rctl(8) rule after the subject, with a plain number
// as the kernel prints it: memoryuse:deny=134217728 or maxproc:log=5/process.
func (l Limit) Rule() string {
	rule := l.Resource + ":" + l.Action + "=" + strconv.FormatUint(l.Amount, 10)
	if l.Per != "jail" {
		rule += "/" + l.Per
	}
	return rule
}

// String returns action=amount for a limit per jail, which libioc and iocage both
// read, and action=amount/per otherwise. Whole multiples of 1024 are written
// with their suffix where the resource counts bytes.
func (l Limit) String() string {
	text := l.Action + "=" + l.amountText()
	if l.Per != "jail" {
		text += "/" + l.Per
	}
	return text
}

func (l Limit) amountText() string {
	n, suffix := l.Amount, ""
	if r, _ := findResource(l.Resource); r.unit == unitBytes || r.unit == unitRate {
		for _, s := range []string{"K", "M", "G", "T", "P"} {
			if n == 0 || n%1024 != 0 {
				break
			}
			n, suffix = n/1024, s
		}
	}
	return strconv.FormatUint(n, 10) + suffix
}

// Limits are the rules of one resource, e.g. log at 800M and deny at 1G.
type Limits []Limit

// String returns the rules joined by blanks, none for no rule.
func (l Limits) String() string { return joined(l, " ") }

// parseLimits reads the rules of one resource, separated by blanks or semicolons.
// Each is 128M (deny, per jail), action=amount, action=amount/per, or
// amount:action as written by libioc and legacy. There is no rule in off, none, -
// and the texts that libioc writes for an unset limit (off:deny, False:deny,
// None=None/None). Actions, suffixes and per are checked as rctl(8) and the kernel do.
func parseLimits(resourceName, text string) (Limits, error) {
	r, ok := findResource(resourceName)
	if !ok {
		return nil, invalid("%q is not a resource of rctl(8)", resourceName)
	}
	if unsetLimit(text) {
		return nil, nil
	}
	var rules Limits
	for _, item := range strings.FieldsFunc(text, func(c rune) bool { return c == ';' || c == ' ' || c == '\t' }) {
		rule, err := parseLimit(r, item)
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	if len(rules) == 0 {
		return nil, invalid("no rule")
	}
	return rules, nil
}

func unsetLimit(text string) bool {
	switch strings.ToLower(text) {
	case "off", "off:deny", "false", "false:deny", "none:deny", "none=none/none", "no":
		return true
	}
	return isNone(text)
}

func parseLimit(r resource, item string) (Limit, error) {
	l := Limit{Resource: r.name, Action: "deny", Per: "jail"}
	amount := item
	if action, rest, found := strings.Cut(item, "="); found {
		l.Action = action
		if amount, l.Per, found = strings.Cut(rest, "/"); !found {
			l.Per = "jail"
		}
	} else if number, action, found := strings.Cut(item, ":"); found {
		amount, l.Action = number, action
	}
	l.Action, l.Per = strings.ToLower(l.Action), strings.ToLower(l.Per)
	if amount == "" || l.Action == "" || l.Per == "" {
		return l, invalid("value may not be empty")
	}
	if err := checkAction(r, l.Action); err != nil {
		return l, err
	}
	switch l.Per {
	case "jail", "user", "loginclass":
	case "process":
		if r.shared {
			return l, invalid("%s is not counted per process", r.name)
		}
	default:
		return l, invalid("%q is not jail, process, user or loginclass", l.Per)
	}
	var err error
	if l.Amount, err = parseAmount(r, amount); err != nil {
		return l, err
	}
	if l.Amount == 0 && l.Action == "deny" && (r.name == "maxproc" || r.name == "openfiles") {
		return l, invalid("a jail without %s cannot start", r.name)
	}
	return l, nil
}

func checkAction(r resource, action string) error {
	switch {
	case action == "log", action == "devctl", isSignal(action):
		return nil
	case action == "deny":
		if r.unit == unitRate || r.unit == unitSeconds {
			return invalid("%s cannot be denied", r.name)
		}
		return nil
	case action == "throttle":
		if r.unit != unitRate {
			return invalid("%s cannot be throttled", r.name)
		}
		return nil
	}
	return invalid("%q is not deny, log, devctl, throttle or a signal", action)
}

// isSignal reports whether action is a signal that rctl(8) knows.
func isSignal(action string) bool {
	switch strings.TrimPrefix(action, "sig") {
	case "hup", "int", "quit", "ill", "trap", "abrt", "emt", "fpe", "kill", "bus", "segv", "sys", "pipe", "alrm", "term", "urg",
		"stop", "tstp", "cont", "chld", "ttin", "ttou", "io", "xcpu", "xfsz", "vtalrm", "prof", "winch", "info", "usr1", "usr2", "thr":
		return strings.HasPrefix(action, "sig")
	}
	return false
}

// parseAmount is stricter than expand_number(3): decimal digits and at most one
// suffix letter.
func parseAmount(r resource, text string) (uint64, error) {
	digits, shift := text, 0
	if last := text[len(text)-1]; last < '0' || last > '9' {
		n := strings.IndexByte("bkmgtpe", last|0x20)
		if n < 0 {
			return 0, invalid("amount %q is not digits and one of b k m g t p e", text)
		}
		if r.unit == unitSeconds || r.unit == unitPercent {
			return 0, invalid("%s takes no suffix", r.name)
		}
		digits, shift = text[:len(text)-1], 10*n
	}
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, invalid("amount %q is not digits and one of b k m g t p e", text)
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	// The kernel keeps amounts as int64.
	if err != nil || n > math.MaxInt64>>shift {
		return 0, invalid("amount %q is too large", text)
	}
	return n << shift, nil
}
