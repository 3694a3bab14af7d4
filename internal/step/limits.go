package step

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
)

// SetLimits replaces the rules of the jail's name. Rules
// may be there before the jail is, rctl(8).
type SetLimits struct {
	Jail  string   `json:"jail"`
	Rules []string `json:"rules"` // jail:NAME:RESOURCE:ACTION=AMOUNT
	Notes []string `json:"notes,omitempty"`
	// Off reports that the kernel does not count resources.
	Off bool `json:"off,omitempty"`
}

func (SetLimits) Kind() string                  { return "set limits" }
func (a SetLimits) Detail() string              { return strings.Join(a.Rules, " ") }
func (a SetLimits) Event(e Env) events.IocEvent { return limitEvent(e, "set", a.Rules, a.Notes) }

func (a SetLimits) Do(ctx context.Context, e Env, c *plan.Call) error {
	if a.Off {
		c.Skip("kern.racct.enable is 0: limits need kern.racct.enable=1 in loader.conf(5) and a reboot")
		return nil
	}
	if others, err := othersJail(ctx, e, c, a.Jail); err != nil || others {
		return err // that it runs is an error of the next step
	}
	have, err := e.Host.Kernel.RctlGetRules(ctx, "jail:"+a.Jail)
	if err != nil {
		return err
	}
	if err := c.SetEffect(have); err != nil {
		return err
	}
	return setLimits(ctx, e.Host.Kernel, a.Jail, a.Rules)
}

func (a SetLimits) Undo(ctx context.Context, e Env, c *plan.Call) error {
	var have []string
	if c.Rebooted || !c.Effect(&have) {
		return nil
	}
	if others, err := othersJail(ctx, e, c, a.Jail); err != nil || others {
		return err
	}
	return setLimits(ctx, e.Host.Kernel, a.Jail, have)
}

func limitEvent(e Env, action string, rules, notes []string) events.IocEvent {
	event := events.JailResourceLimitAction{Jail: e.Name, Action: action, Limits: rules}
	event.Message = strings.Join(notes, "; ")
	return event
}

// setLimits applies the difference between the rules that are there and those
// that are wanted.
func setLimits(ctx context.Context, k kernel.Kernel, jail string, rules []string) error {
	have, err := k.RctlGetRules(ctx, "jail:"+jail)
	if err != nil {
		return err
	}
	wanted := func(r string) bool { return slices.Contains(rules, r) }
	for _, r := range slices.DeleteFunc(slices.Clone(have), wanted) {
		if err := ignore.Err(k.RctlRemoveRule(ctx, r), kernel.ErrNotFound); err != nil {
			return err
		}
	}
	there := func(r string) bool { return slices.Contains(have, r) }
	for _, r := range slices.DeleteFunc(slices.Clone(rules), there) {
		if err := k.RctlAddRule(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// RemoveLimits removes the rules of this subject: the filter is the whole name,
// not a beginning of it.
func RemoveLimits(ctx context.Context, k kernel.Kernel, jail string) error {
	return ignore.Err(k.RctlRemoveRule(ctx, "jail:"+jail), kernel.ErrNotFound, kernel.ErrUnsupported)
}

// ClearLimits removes the rules of a jail that has ended.
type ClearLimits struct {
	Jail string `json:"jail"`
}

func (ClearLimits) Kind() string                { return "clear limits" }
func (a ClearLimits) Detail() string            { return "jail:" + a.Jail }
func (ClearLimits) Event(e Env) events.IocEvent { return limitEvent(e, "clear", nil, nil) }

func (a ClearLimits) Do(ctx context.Context, e Env, c *plan.Call) error {
	if others, err := othersJail(ctx, e, c, a.Jail); err != nil || others {
		return err
	}
	rules, err := e.Host.Kernel.RctlGetRules(ctx, "jail:"+a.Jail)
	switch {
	case errors.Is(err, kernel.ErrUnsupported), err == nil && len(rules) == 0:
		c.Skip("there are none")
		return nil
	case err != nil:
		return err
	}
	c.Final(limitEvent(e, "clear", rules, nil))
	return RemoveLimits(ctx, e.Host.Kernel, a.Jail)
}

// SetCpuset binds a jail to CPUs. It ends with the jail; for a jail that ran
// before, undo brings the former ones back.
type SetCpuset struct {
	Jail string `json:"jail"`
	Text string `json:"text"` // as the configuration has it
	CPUs []int  `json:"cpus"`
	All  bool   `json:"all,omitempty"`
}

func (SetCpuset) Kind() string                  { return "set cpuset" }
func (a SetCpuset) Detail() string              { return a.Jail + " to " + a.Text }
func (a SetCpuset) Event(e Env) events.IocEvent { return events.JailCpuset{Jail: e.Name, CPUs: a.Text} }

func (a SetCpuset) Do(ctx context.Context, e Env, c *plan.Call) error {
	id, err := running(ctx, e, c, a.Jail)
	if err != nil {
		return err
	}
	have, err := e.Host.Kernel.CpusetGet(ctx, id)
	if err != nil {
		return err
	}
	if err := c.SetEffect(have); err != nil {
		return err
	}
	want, missing, err := chooseCPUs(ctx, e.Host.Kernel, a)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		event := events.JailCpuset{Jail: e.Name, CPUs: a.Text}
		event.Message = fmt.Sprintf("this machine has no CPU %v", missing)
		c.Final(event)
	}
	return e.Host.Kernel.CpusetSet(ctx, id, want)
}

func (a SetCpuset) Undo(ctx context.Context, e Env, c *plan.Call) error {
	var have []int
	if c.Rebooted || !c.Effect(&have) {
		return nil
	}
	id, there, err := seenJail(ctx, e, c, a.Jail)
	if err != nil || !there {
		return err
	}
	return e.Host.Kernel.CpusetSet(ctx, id, have)
}

// chooseCPUs are the wanted CPUs that the machine has.
func chooseCPUs(ctx context.Context, k kernel.Kernel, a SetCpuset) (want, missing []int, err error) {
	n, err := k.SysctlInt(ctx, "hw.ncpu")
	if err != nil {
		return nil, nil, err
	}
	for cpu := range int(n) {
		if a.All || slices.Contains(a.CPUs, cpu) {
			want = append(want, cpu)
		}
	}
	for _, cpu := range a.CPUs {
		if cpu >= int(n) {
			missing = append(missing, cpu)
		}
	}
	if len(want) == 0 {
		return nil, missing, fmt.Errorf("%w: cpuset=%s: this machine has CPUs 0 to %d", jailerr.ErrConfig, a.Text, n-1)
	}
	return want, missing, nil
}
