package jail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strconv"
	"syscall"

	"github.com/libioc/go-libioc/devfs"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/kernel"
)

type rulesetArgs struct {
	Number uint16             `json:"number"`
	Rules  []kernel.DevfsRule `json:"rules"`
}

// stepLoadRuleset puts a ruleset of devfs.rules(5) into the kernel, which has
// none before the devfs service has run. A jail with an empty ruleset would see
// every device of the host. It is not undone: rulesets belong to the host, and
// another jail may use it by then.
var stepLoadRuleset = plan.Define(plan.Spec[env, rulesetArgs]{
	Name:   "load devfs ruleset",
	Detail: func(a rulesetArgs) string { return fmt.Sprintf("%d with %d rules", a.Number, len(a.Rules)) },
	Event: func(e env, a rulesetArgs) events.IocEvent {
		return events.JailDevfsRuleset{Jail: e.jail, Ruleset: int(a.Number)}
	},
	Do: func(ctx context.Context, e env, a rulesetArgs, c *plan.Call) error {
		k := e.host.Kernel
		there, err := k.DevfsRules(ctx, a.Number)
		if err != nil {
			return err
		}
		if !begins(a.Rules, there) {
			c.Skip("another one is loaded")
			return nil
		}
		for _, rule := range a.Rules {
			err := k.DevfsAddRule(ctx, a.Number, rule)
			if err != nil && !errors.Is(err, syscall.EEXIST) {
				return err
			}
		}
		return nil
	},
})

// begins tells whether there is the beginning of rules: nothing yet, or what a
// load that was interrupted has left.
func begins(rules, there []kernel.DevfsRule) bool {
	return len(there) <= len(rules) && reflect.DeepEqual(rules[:len(there)], there) || len(there) == 0
}

// rulesetSteps finds the jail's ruleset, and loads it if the kernel has none of
// that number. Number 0 is no ruleset.
func (g *JailGenerator) rulesetSteps(ctx context.Context) ([]plan.Step, int, error) {
	want, ok := g.effective().Ruleset()
	if !ok || want.Name == "" && want.Number == 0 {
		return nil, 0, nil
	}
	var there []kernel.DevfsRule
	if want.Name == "" {
		rules, err := g.host.Kernel.DevfsRules(ctx, uint16(want.Number))
		if err != nil {
			return nil, 0, err
		}
		there = rules
	}
	set, err := g.devfsSet()
	if err != nil {
		return nil, 0, err
	}
	found, err := set.Lookup(want.String())
	if err != nil && len(there) > 0 {
		return nil, want.Number, nil // known to the kernel alone
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%w: devfs_ruleset=%s: %w", ErrConfig, want, err)
	}
	flat, err := set.Flatten(found)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: devfs_ruleset=%s: %w", ErrConfig, want, err)
	}
	a := rulesetArgs{Number: found.Number}
	for i, rule := range flat {
		r, err := kernelRule(rule, i)
		if err != nil {
			return nil, 0, fmt.Errorf("%w: devfs_ruleset=%s: %w", ErrConfig, want, err)
		}
		a.Rules = append(a.Rules, r)
	}
	if len(there) == len(a.Rules) || !begins(a.Rules, there) {
		return nil, int(found.Number), nil
	}
	return []plan.Step{stepLoadRuleset.Step(a)}, int(found.Number), nil
}

// devfsSet reads the host's devfs.rules(5) as rc.subr(8) does: what comes later
// wins.
func (g *JailGenerator) devfsSet() (*devfs.Set, error) {
	paths := g.host.Files()
	system, err := readRules(paths.DevfsDefaults)
	if err != nil {
		return nil, err
	}
	user, err := readRules(paths.DevfsRules)
	if err != nil {
		return nil, err
	}
	return devfs.NewSet([]*devfs.File{system}, user, devfs.SetOptions{LastWins: true})
}

func readRules(path string) (*devfs.File, error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return devfs.Parse(path, data)
}

// kernelRule turns a rule of a file into the kernel's. Its number is given, so
// that loading again after a crash does not add it twice.
func kernelRule(r devfs.Rule, i int) (kernel.DevfsRule, error) {
	out := kernel.DevfsRule{
		Number: uint16(100 * (i + 1)),
		Path:   r.Path,
		Types:  uint32(r.Types),
		Hide:   r.Visibility == devfs.Hide,
		Unhide: r.Visibility == devfs.Unhide,
	}
	if r.HasMode {
		mode := r.Mode
		out.Mode = &mode
	}
	var err error
	if out.UID, err = accountID(r.User, "root"); err != nil {
		return out, err
	}
	out.GID, err = accountID(r.Group, "wheel")
	return out, err
}

// accountID is the number of a user or group in a rule. Only the name that
// stands for 0 on every FreeBSD is known without reading the host's accounts.
func accountID(name, zero string) (*uint32, error) {
	var id uint32
	switch n, err := strconv.ParseUint(name, 10, 32); {
	case name == "":
		return nil, nil
	case name == zero:
	case err != nil:
		return nil, fmt.Errorf("account %q is not a number", name)
	default:
		id = uint32(n)
	}
	return &id, nil
}
