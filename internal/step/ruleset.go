package step

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"syscall"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
)

// LoadRuleset puts a ruleset into the kernel: one of devfs.rules(5), which
// the kernel does not have before the devfs service has run, or one computed for the
// jail. A jail with an empty ruleset would see every device of the host. It is
// not undone: rulesets belong to the host, and another jail may use it by then.
type LoadRuleset struct {
	Number uint16             `json:"number"`
	Rules  []kernel.DevfsRule `json:"rules"`
	// Computed rulesets take another number when theirs is taken in the meantime.
	Computed bool `json:"computed,omitempty"`
	// Named are the numbers that devfs.rules(5) gives to others.
	Named []uint16 `json:"named,omitempty"`
}

// rulesetEffect is the number that the rules have in the kernel.
type rulesetEffect struct {
	Number uint16 `json:"number"`
}

// lockRulesets keeps others from the numbers of rulesets.
func lockRulesets(ctx context.Context, h *host.Host) (func(), error) {
	return h.Lock(ctx, "host/devfs/rulesets", "load a devfs ruleset", host.BusyWait)
}

func (LoadRuleset) Kind() string     { return "load devfs ruleset" }
func (a LoadRuleset) Detail() string { return fmt.Sprintf("%d with %d rules", a.Number, len(a.Rules)) }
func (a LoadRuleset) Event(e Env) events.IocEvent {
	return events.JailDevfsRuleset{Jail: e.Name, Ruleset: int(a.Number)}
}

func (a LoadRuleset) Do(ctx context.Context, e Env, c *plan.Call) error {
	// Rules are added one by one; two that begin alike must not be mixed.
	unlock, err := lockRulesets(ctx, e.Host)
	if err != nil {
		return err
	}
	defer unlock()
	k := e.Host.Kernel
	if !a.Computed {
		there, err := k.DevfsRules(ctx, a.Number)
		if err != nil {
			return err
		}
		if !RulesetBegins(a.Rules, there) {
			c.Skip("another one is loaded")
			return nil
		}
		return AddRules(ctx, k, a.Number, a.Rules)
	}
	n, err := loadComputed(ctx, k, a)
	if err != nil {
		return err
	}
	c.Final(events.JailDevfsRuleset{Jail: e.Name, Ruleset: int(n)})
	return c.SetEffect(rulesetEffect{n})
}

// loadComputed finds or loads the rules. A number that another process takes
// between the look and the load is left to it.
func loadComputed(ctx context.Context, k kernel.Kernel, a LoadRuleset) (uint16, error) {
	for n := int(a.Number); n < 1<<16; n++ {
		loaded, err := k.DevfsRulesets(ctx)
		if err != nil {
			return 0, err
		}
		if same, err := EqualRuleset(ctx, k, loaded, a.Rules); same != 0 || err != nil {
			return same, err
		}
		if slices.Contains(loaded, uint16(n)) || slices.Contains(a.Named, uint16(n)) {
			continue
		}
		if err := AddRules(ctx, k, uint16(n), a.Rules); err != nil {
			return 0, err
		}
		there, err := k.DevfsRules(ctx, uint16(n))
		if err != nil {
			return 0, err
		}
		if sameRules(there, a.Rules) {
			return uint16(n), nil
		}
	}
	return 0, fmt.Errorf("%w: no devfs ruleset number is free", jailerr.ErrConfig)
}

// AddRules adds rules to a ruleset that may have some of them.
func AddRules(ctx context.Context, k kernel.Kernel, number uint16, rules []kernel.DevfsRule) error {
	for _, rule := range rules {
		if err := ignore.Err(k.DevfsAddRule(ctx, number, rule), syscall.EEXIST); err != nil {
			return err
		}
	}
	return nil
}

// EqualRuleset returns the number of the ruleset in the kernel that has exactly these
// rules, 0 for none.
func EqualRuleset(ctx context.Context, k kernel.Kernel, loaded []uint16, rules []kernel.DevfsRule) (uint16, error) {
	for _, n := range loaded {
		there, err := k.DevfsRules(ctx, n)
		if err != nil {
			return 0, err
		}
		if n != 0 && sameRules(there, rules) {
			return n, nil
		}
	}
	return 0, nil
}

func sameRules(a, b []kernel.DevfsRule) bool { return slices.EqualFunc(a, b, SameRule) }

// SameRule reports whether two rules do the same, whatever their numbers.
func SameRule(a, b kernel.DevfsRule) bool {
	a.Number, b.Number = 0, 0
	return reflect.DeepEqual(a, b)
}

// RulesetBegins reports whether there is the beginning of rules: nothing yet, or what a
// load that was interrupted has left.
func RulesetBegins(rules, there []kernel.DevfsRule) bool {
	return len(there) <= len(rules) && reflect.DeepEqual(rules[:len(there)], there) || len(there) == 0
}

// loadedRuleset is the number that the plan's ruleset got when it was loaded,
// or the planned one.
func loadedRuleset(c *plan.Call, planned uint16) uint16 {
	var got rulesetEffect
	if c.EffectOf("load devfs ruleset", &got) && got.Number != 0 {
		return got.Number
	}
	return planned
}
