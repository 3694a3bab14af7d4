package simkernel

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel/internal/refusal"
)

// rctlResources are the resources of rctl(8) in the order it prints them.
var rctlResources = []string{
	"cputime", "datasize", "stacksize", "coredumpsize", "memoryuse", "memorylocked", "maxproc",
	"openfiles", "vmemoryuse", "pseudoterminals", "swapuse", "nthr", "msgqqueued", "msgqsize",
	"nmsgq", "nsem", "nsemop", "nshm", "shmsize", "wallclock", "pcpu", "readbps", "writebps",
	"readiops", "writeiops",
}

var (
	rctlSubjects    = []string{"process", "user", "loginclass", "jail"}
	rctlRates       = []string{"readbps", "writebps", "readiops", "writeiops"}
	rctlUndeniable  = append([]string{"cputime", "wallclock"}, rctlRates...)
	rctlPerShared   = []string{"msgqqueued", "msgqsize", "nmsgq", "nsem", "nshm", "pseudoterminals", "shmsize", "swapuse"}
	rctlSignalNames = strings.Fields("sighup sigint sigquit sigill sigtrap sigabrt sigemt sigfpe sigkill sigbus sigsegv " +
		"sigsys sigpipe sigalrm sigterm sigurg sigstop sigtstp sigcont sigchld sigttin sigttou sigio sigxcpu sigxfsz " +
		"sigvtalrm sigprof sigwinch siginfo sigusr1 sigusr2")
)

// rctlRule is one rule; as a filter an empty part matches everything.
type rctlRule struct {
	Subject  string `json:"subject"`
	ID       string `json:"id"`
	Resource string `json:"resource"`
	Action   string `json:"action"`
	Amount   int64  `json:"amount"`
	Per      string `json:"per"`
	Seq      int    `json:"seq"`

	hasAmount bool
}

func (r *rctlRule) key() string { return "rctl/" + strconv.Itoa(r.Seq) }

func (r *rctlRule) String() string {
	s := r.Subject + ":" + r.ID + ":" + r.Resource + ":" + r.Action + "=" + strconv.FormatInt(r.Amount, 10)
	if r.Per != r.Subject {
		s += "/" + r.Per
	}
	return s
}

// matches tells whether the filter f covers the rule.
func (r *rctlRule) matches(f *rctlRule) bool {
	eq := func(want, have string) bool { return want == "" || want == have }
	return eq(f.Subject, r.Subject) && eq(f.ID, r.ID) && eq(f.Resource, r.Resource) &&
		eq(f.Action, r.Action) && eq(f.Per, r.Per) && (!f.hasAmount || f.Amount == r.Amount)
}

type rctl struct {
	k     *machine
	rules []*rctlRule // newest first, as rctl(8) lists them
	seq   int
}

func (t *rctl) init(k *machine) { *t = rctl{k: k} }

func (t *rctl) load(_ string, value []byte) error {
	r := &rctlRule{}
	if err := json.Unmarshal(value, r); err != nil {
		return err
	}
	t.rules = append([]*rctlRule{r}, t.rules...)
	return nil
}

// parseRule reads "subject:id:resource:action=amount/per", any tail missing.
func parseRule(text string) (*rctlRule, syscall.Errno) {
	r := &rctlRule{}
	parts := strings.SplitN(text, ":", 4)
	for i, dst := range []*string{&r.Subject, &r.ID, &r.Resource} {
		if i < len(parts) {
			*dst = parts[i]
		}
	}
	if len(parts) == 4 {
		action, amount, ok := strings.Cut(parts[3], "=")
		if !ok {
			action, r.Per, _ = strings.Cut(action, "/")
		} else {
			amount, r.Per, _ = strings.Cut(amount, "/")
		}
		r.Action = action
		if amount != "" {
			n, err := strconv.ParseInt(amount, 10, 64)
			switch {
			case err != nil && strings.Contains(err.Error(), "range"):
				return nil, syscall.ERANGE
			case err != nil:
				return nil, syscall.EINVAL
			case n < 0:
				return nil, syscall.ERANGE
			}
			r.Amount, r.hasAmount = n, true
		}
	}
	actions := append([]string{"", "deny", "log", "devctl", "throttle"}, rctlSignalNames...)
	if r.Subject != "" && !slices.Contains(rctlSubjects, r.Subject) ||
		r.Resource != "" && !slices.Contains(rctlResources, r.Resource) ||
		!slices.Contains(actions, r.Action) ||
		r.Per != "" && !slices.Contains(rctlSubjects, r.Per) ||
		r.Subject == "" && r.ID != "" {
		return nil, syscall.EINVAL
	}
	return r, 0
}

// rctlCall is what all calls of rctl(2) begin with.
func (v *view) rctlCall(ctx context.Context, op, text string, fn func(r *rctlRule) error) error {
	return v.do(ctx, op, text, text, func() error {
		if v.s.opts.NoRACCT {
			return refusal.Rctl(op, text, syscall.ENOSYS)
		}
		if v.jailed() {
			return refusal.Rctl(op, text, syscall.EPERM)
		}
		if len(text)+1 > 4096 {
			return refusal.Rctl(op, text, syscall.E2BIG)
		}
		r, e := parseRule(text)
		if e != 0 {
			return refusal.Rctl(op, text, e)
		}
		return fn(r)
	})
}

// RctlAddRule implements [kernel.Limits].
func (v *view) RctlAddRule(ctx context.Context, rule string) error {
	return v.rctlCall(ctx, OpRctlAddRule, rule, func(r *rctlRule) error {
		if r.Per == "" {
			r.Per = r.Subject
		}
		switch {
		case r.Subject == "" || r.ID == "" || r.Resource == "" || r.Action == "" || !r.hasAmount:
			return refusal.Rctl(OpRctlAddRule, rule, syscall.EINVAL)
		case r.Action == "deny" && slices.Contains(rctlUndeniable, r.Resource),
			r.Action == "throttle" && !slices.Contains(rctlRates, r.Resource),
			r.Per == "process" && slices.Contains(rctlPerShared, r.Resource):
			return refusal.Rctl(OpRctlAddRule, rule, syscall.EOPNOTSUPP)
		case r.Action == "throttle" && r.Amount == 0:
			return refusal.Rctl(OpRctlAddRule, rule, syscall.EINVAL)
		}
		t := &v.s.rctl
		same := *r
		same.hasAmount = r.Action != "deny" // a deny replaces the one before it
		t.remove(&same)
		t.seq++
		r.Seq = t.seq
		t.rules = append([]*rctlRule{r}, t.rules...)
		v.s.dirty.put(r.key(), r)
		v.s.dirty.boot()
		return nil
	})
}

func (t *rctl) remove(f *rctlRule) (n int) {
	t.rules = slices.DeleteFunc(t.rules, func(r *rctlRule) bool {
		if !r.matches(f) {
			return false
		}
		n++
		t.k.dirty.drop(r.key())
		return true
	})
	return n
}

// RctlRemoveRule implements [kernel.Limits].
func (v *view) RctlRemoveRule(ctx context.Context, filter string) error {
	return v.rctlCall(ctx, OpRctlRemoveRule, filter, func(f *rctlRule) error {
		if v.s.rctl.remove(f) == 0 {
			return refusal.Rctl(OpRctlRemoveRule, filter, syscall.ESRCH)
		}
		return nil
	})
}

// RctlGetRules implements [kernel.Limits].
func (v *view) RctlGetRules(ctx context.Context, filter string) ([]string, error) {
	var out []string
	err := v.rctlCall(ctx, OpRctlGetRules, filter, func(f *rctlRule) error {
		for _, r := range v.s.rctl.rules {
			if r.matches(f) {
				out = append(out, r.String())
			}
		}
		return nil
	})
	return out, err
}

// RctlGetRacct implements [kernel.Limits]. Only maxproc and nthr are counted; a jail
// that has rules or had them is known by its name alone.
func (v *view) RctlGetRacct(ctx context.Context, filter string) (map[string]uint64, error) {
	var out map[string]uint64
	err := v.rctlCall(ctx, OpRctlGetRacct, filter, func(f *rctlRule) error {
		if f.Subject == "" || f.ID == "" || f.Resource != "" {
			return refusal.Rctl(OpRctlGetRacct, filter, syscall.EINVAL)
		}
		out = map[string]uint64{}
		for _, r := range rctlResources {
			out[r] = 0
		}
		if f.Subject == "jail" {
			if pr := v.s.jails.find(v.s.jails.host, f.ID); pr != nil {
				n := uint64(pr.Procs)
				pr.walk(func(kid *prison) bool { n += uint64(kid.Procs); return true })
				out["maxproc"], out["nthr"] = n, n
			}
		}
		return nil
	})
	return out, err
}
