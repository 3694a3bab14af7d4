package jail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/devfs"
	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
)

// DevfsRuleset returns the number of the devfs ruleset that the jail would be started
// with now: the configured one, or, when the jail needs more devices than that
// shows (DHCP, ZFS, bhyve), one with exactly those rules. 0 is none. Nothing is
// loaded; a number that is free until then may be another's by the next start.
//
// Errors: ErrConfig for a ruleset that neither the kernel nor a file has.
func (j *Jail) DevfsRuleset(ctx context.Context) (int, error) {
	_, n, err := j.still().ruleset(ctx)
	return n, err
}

// ruleset finds the jail's ruleset, with the step that loads it if the kernel does not
// have it. The number 0 is no ruleset.
func (j *Jail) ruleset(ctx context.Context) (*step.LoadRuleset, int, error) {
	want, ok := key.DevfsRuleset.Lookup(j.Effective())
	if !ok || want.Name == "" && want.Number == 0 {
		return nil, 0, nil
	}
	more, err := j.moreRules()
	if err != nil {
		return nil, 0, err
	}
	set, err := j.devfsSet()
	if err != nil {
		return nil, 0, err
	}
	var loaded []kernel.DevfsRule
	if want.Name == "" {
		if loaded, err = j.host.Kernel.DevfsRules(ctx, uint16(want.Number)); err != nil {
			return nil, 0, err
		}
	}
	found, err := set.Lookup(want.String())
	if err != nil && len(loaded) > 0 { // known to the kernel alone
		return j.extendLoaded(ctx, set, uint16(want.Number), loaded, more)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%w: devfs_ruleset=%s: %w", ErrConfig, want, err)
	}
	flat, err := set.Flatten(found)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: devfs_ruleset=%s: %w", ErrConfig, want, err)
	}
	whole := devfs.Extend(flat, more)
	if len(whole) > len(flat) {
		if same, ok := set.FindEqual(whole); ok {
			found, flat = same, whole // such as libioc's iocage_auto_<n>
		}
	}
	rules, err := kernelRules(j.host, whole)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: devfs_ruleset=%s: %w", ErrConfig, want, err)
	}
	if len(whole) > len(flat) {
		return j.computed(ctx, set, rules)
	}
	a := step.LoadRuleset{Number: found.Number, Rules: rules}
	there, err := j.host.Kernel.DevfsRules(ctx, a.Number)
	if err != nil {
		return nil, 0, err
	}
	if len(there) == len(a.Rules) || !step.RulesetBegins(a.Rules, there) {
		return nil, int(found.Number), nil
	}
	return &a, int(found.Number), nil
}

// moreRules returns those that the jail needs beyond its configured ruleset.
func (j *Jail) moreRules() ([]devfs.Rule, error) {
	eff := j.Effective()
	var rules []devfs.Rule
	dhcp := key.BPF.Of(eff)
	for _, key := range []string{"ip4_addr", "ip6_addr"} {
		for _, a := range config.NewKey[config.Addresses](key).Of(eff) {
			dhcp = dhcp || a.Method == config.DHCP
		}
	}
	if dhcp {
		rules = devfs.Extend(rules, devfs.ForDHCP())
	}
	if key.AllowMountZFS.Of(eff) {
		rules = devfs.Extend(rules, devfs.ForZFSControl())
	}
	if shared := j.sharedDatasets(); len(shared) > 0 {
		volumes, err := devfs.ForZFS(shared...)
		if err != nil {
			return nil, fmt.Errorf("%w: jail_zfs_dataset: %w", ErrConfig, err)
		}
		rules = devfs.Extend(rules, volumes)
	}
	if key.AllowVMM.Of(eff) {
		rules = devfs.Extend(rules, devfs.ForVMM())
	}
	shm, err := j.mountsOnShm()
	if shm {
		rules = devfs.Extend(rules, devfs.ForSharedMemory())
	}
	return rules, err
}

// mountsOnShm reports whether the jail's fstab(5) mounts something on shm of a devfs
// that gets the jail's ruleset, as a Linux jail does.
func (j *Jail) mountsOnShm() (bool, error) {
	if !j.exists() {
		return false, nil
	}
	data, err := j.readFstab()
	if err != nil {
		return false, err
	}
	file := fstab.Parse(data)
	for _, e := range file.MountOrder() {
		if e.Type != "devfs" || e.Options.Has(step.RulesetOption) {
			continue
		}
		if on, ok := file.Find(path.Join(e.Destination, "shm")); ok && on.Mounted() {
			return true, nil
		}
	}
	return false, nil
}

// extendLoaded returns a ruleset that only the kernel has, with more rules.
func (j *Jail) extendLoaded(ctx context.Context, set *devfs.Set, number uint16, loaded []kernel.DevfsRule, more []devfs.Rule) (*step.LoadRuleset, int, error) {
	extra, err := kernelRules(j.host, more)
	if err != nil {
		return nil, 0, err
	}
	rules := slices.Clone(loaded)
	for _, rule := range extra {
		if !slices.ContainsFunc(loaded, func(have kernel.DevfsRule) bool { return step.SameRule(have, rule) }) {
			rules = append(rules, rule)
		}
	}
	if len(rules) == len(loaded) {
		return nil, int(number), nil
	}
	for i := range rules {
		rules[i].Number = ruleNumber(i)
	}
	return j.computed(ctx, set, rules)
}

// computed returns the number of a ruleset with these rules: one that the kernel
// has, or one that is free in the kernel and in the files.
func (j *Jail) computed(ctx context.Context, set *devfs.Set, rules []kernel.DevfsRule) (*step.LoadRuleset, int, error) {
	loaded, err := j.host.Kernel.DevfsRulesets(ctx)
	if err != nil {
		return nil, 0, err
	}
	if n, err := step.EqualRuleset(ctx, j.host.Kernel, loaded, rules); n != 0 || err != nil {
		return nil, int(n), err
	}
	first := uint16(key.MinDynDevfsRuleset.Of(j.Effective()))
	number, err := set.NextNumber(devfs.EnsureOptions{Minimum: first, InUse: loaded})
	if err != nil {
		return nil, 0, err
	}
	var named []uint16
	for _, rs := range set.Rulesets() {
		named = append(named, rs.Number)
	}
	return &step.LoadRuleset{Number: number, Rules: rules, Computed: true, Named: named}, int(number), nil
}

// devfsSet reads the host's devfs.rules(5) as rc.subr(8) does: what comes later
// wins.
func (j *Jail) devfsSet() (*devfs.Set, error) {
	paths := j.host.Files()
	system, err := readRules(paths.DevfsDefaults)
	if err != nil {
		return nil, err
	}
	user, err := readRules(paths.DevfsRules)
	if err != nil {
		return nil, err
	}
	return devfs.NewSet([]*devfs.File{system}, user), nil
}

func readRules(file string) (*devfs.File, error) {
	data, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return devfs.Parse(file, data), nil
}

// kernelRules turns rules of a file into the kernel's, with the numbers that the host
// gives to users and groups.
func kernelRules(h *host.Host, rules []devfs.Rule) ([]kernel.DevfsRule, error) {
	var out []kernel.DevfsRule
	for i, r := range rules {
		rule := kernel.DevfsRule{
			Number: ruleNumber(i),
			Path:   r.Path,
			Types:  uint32(r.Types),
			Hide:   r.Visibility == devfs.Hide,
			Unhide: r.Visibility == devfs.Unhide,
		}
		if r.HasMode {
			rule.Mode = &r.Mode
		}
		var err error
		if rule.UID, err = accountID("user", r.User, h.Files().Passwd); err != nil {
			return nil, err
		}
		if rule.GID, err = accountID("group", r.Group, h.Files().Group); err != nil {
			return nil, err
		}
		out = append(out, rule)
	}
	return out, nil
}

// ruleNumber returns the number of the rule at an index. Numbers are given, so that
// loading again after a crash does not add a rule twice.
func ruleNumber(i int) uint16 { return uint16(100 * (i + 1)) }

// accountID returns the number of a user or group in a rule, as devfs(8) finds it, and
// nil for none.
func accountID(kind, name, file string) (*uint32, error) {
	if name == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	id, ok := devfs.AccountID(data, name)
	if !ok {
		return nil, fmt.Errorf("%s %q is not in %s", kind, name, file)
	}
	return &id, nil
}
