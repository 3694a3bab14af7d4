package jail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host"
)

var (
	// ErrCycle: jails depend on each other in a circle. A *CycleError names them.
	ErrCycle = errors.New("jails depend on each other")
	// ErrDependency: a jail cannot be started because of one that it depends on.
	// A *DependencyError names both.
	ErrDependency = errors.New("a jail it depends on is not there")
)

// CycleError is a circle of dependencies.
type CycleError struct {
	// Cycle are the jails' full names, each depending on the next; the last is
	// the first again.
	Cycle []string
}

func (e *CycleError) Error() string {
	return ErrCycle.Error() + ": " + strings.Join(e.Cycle, " -> ")
}

// Is makes errors.Is(err, ErrCycle) true.
func (e *CycleError) Is(target error) bool { return target == ErrCycle }

// DependencyError is a jail that was not started because of another.
type DependencyError struct {
	Jail string
	On   string // full name, or the name in depends that no jail has
	Err  error  // what is wrong with that one: ErrNotFound, its own failure
}

func (e *DependencyError) Error() string {
	return fmt.Sprintf("jail %s depends on %s: %v", e.Jail, e.On, e.Err)
}

// Unwrap gives what is wrong with the other jail.
func (e *DependencyError) Unwrap() error { return e.Err }

// Is makes errors.Is(err, ErrDependency) true.
func (e *DependencyError) Is(target error) bool { return target == ErrDependency }

// population are all jails of the host, for finding those that a selector of
// the property depends means. Templates are never meant: they do not start.
type population struct {
	jails  []*Jail
	byName map[string][]*Jail // also by the short form of a UUID
}

// populate lists the jails. The given ones take the place of those of the same
// name, because the caller may have changed them.
func populate(ctx context.Context, h *host.Host, given []*Jail) (*population, error) {
	p := &population{byName: map[string][]*Jail{}}
	own := map[string]*Jail{}
	for _, j := range given {
		own[j.lockKey()] = j
	}
	all, err := everyJail(ctx, h)
	if err != nil {
		return nil, err
	}
	for _, j := range all {
		if mine := own[j.lockKey()]; mine != nil && mine.own.Changed() {
			changed := *mine
			changed.status = j.status
			j = &changed
		}
		delete(own, j.lockKey())
		p.add(j)
	}
	for _, key := range sortedKeys(own) {
		p.add(own[key]) // it does not exist yet
	}
	return p, nil
}

func (p *population) add(j *Jail) {
	p.jails = append(p.jails, j)
	for _, name := range []string{j.name, j.HumanReadableName()} {
		if !slices.Contains(p.byName[name], j) {
			p.byName[name] = append(p.byName[name], j)
		}
	}
}

// everyJail lists the jails of all sources, the broken ones as well. ZFS is
// only asked where a configuration is in its properties.
func everyJail(ctx context.Context, h *host.Host) ([]*Jail, error) {
	var all []*Jail
	inProperties := false
	for j, err := range (ListOptions{Filters: []string{"foreign=no"}, MountedOnly: true}).List(ctx, h) {
		if j == nil {
			return nil, err
		}
		inProperties = inProperties || errors.Is(err, config.ErrNoConfig)
		all = append(all, j)
	}
	if !inProperties {
		return all, nil
	}
	all = all[:0]
	for j, err := range List(ctx, h, "foreign=no") {
		if j == nil {
			return nil, err
		}
		all = append(all, j)
	}
	return all, nil
}

// dependencies are the jails that j depends on, sorted by priority and name.
// A name without wildcards that no startable jail has is missing. A jail that
// its own selector matches does not depend on itself, as in libioc.
func (p *population) dependencies(j *Jail) (on []*Jail, missing []string) {
	terms := j.effective().Depends()
	if len(terms) == 0 {
		return nil, nil
	}
	for _, t := range terms {
		if t.Key != "name" {
			continue
		}
		for _, value := range t.Values {
			if name, literal := literalName(value); literal {
				named := func(other *Jail) bool { return other.startable() && names(value, other) }
				if !slices.ContainsFunc(p.byName[name], named) {
					missing = append(missing, value.String())
				}
			}
		}
	}
	for _, other := range p.candidates(terms) {
		if other.lockKey() != j.lockKey() && other.startable() && !slices.Contains(on, other) && terms.Match(other.Field) {
			on = append(on, other)
		}
	}
	slices.SortFunc(on, compareOrder)
	return on, missing
}

// names tells whether one value of a selector's names means the jail.
func names(value config.Pattern, j *Jail) bool {
	return config.Terms{{Key: "name", Values: []config.Pattern{value}}}.Match(j.Field)
}

func (j *Jail) startable() bool { return !j.effective().Bool("template") }

// candidates narrows a selector down by its names, so that a thousand jails
// with one dependency each do not take a million comparisons.
func (p *population) candidates(terms config.Terms) []*Jail {
	for _, t := range terms {
		if t.Key != "name" {
			continue
		}
		var out []*Jail
		for _, value := range t.Values {
			name, literal := literalName(value)
			if !literal {
				return p.jails
			}
			out = append(out, p.byName[name]...)
		}
		return out
	}
	return p.jails
}

// literalName is the name that a value without wildcards stands for. Names
// hold neither wildcards nor what would be escaped.
func literalName(p config.Pattern) (name string, ok bool) {
	text := p.String()
	if i := strings.IndexByte(text, '/'); i >= 0 {
		text = text[i+1:]
	}
	return text, !strings.ContainsAny(p.String(), `*+\`)
}

// compareOrder is the order in which jails begin: lower priority first, then
// by name.
func compareOrder(a, b *Jail) int {
	if pa, pb := a.Priority(), b.Priority(); pa != pb {
		if pa < pb {
			return -1
		}
		return 1
	}
	return strings.Compare(a.fullName, b.fullName)
}

// Priority is the property priority: of jails that could start at the same
// time the lower one begins first, and stops last.
func (j *Jail) Priority() int { return j.effective().Int("priority") }

// Dependencies lists the jails that the jail's depends selects, in the order
// they would be started. Errors: *DependencyError for a name that no jail has,
// *CycleError when the jail is reached again by following dependencies, and
// those of List.
func (j *Jail) Dependencies(ctx context.Context) ([]*Jail, error) {
	p, err := populate(ctx, j.host, []*Jail{j})
	if err != nil {
		return nil, err
	}
	on, missing := p.dependencies(j)
	if len(missing) > 0 {
		return on, &DependencyError{j.fullName, missing[0], ErrNotFound}
	}
	return on, p.cycle(j)
}

// CheckDepends tells whether depends may have this value: nil, a
// *config.PropertyError, or a *CycleError when the jail would, directly or by
// way of others, depend on itself. Whether those others run does not matter
// here. A name that no jail has yet is allowed. Save makes the same check when
// depends was changed.
func (j *Jail) CheckDepends(ctx context.Context, value string) error {
	changed := *j
	changed.own = j.own.Clone()
	if err := changed.own.Set("depends", value); err != nil {
		return err
	}
	return changed.mayDepend(ctx)
}

// mayDepend refuses a circle through this jail, unless depends is as it is in
// the file: what is there may be saved with other changes.
func (j *Jail) mayDepend(ctx context.Context) error {
	if !j.dependsChanged() {
		return nil
	}
	terms := j.effective().Depends()
	if len(terms) == 0 {
		return nil
	}
	for _, t := range terms {
		for _, value := range t.Values {
			// Named in so many words it is a mistake; "*" means all the others.
			if _, literal := literalName(value); t.Key == "name" && literal && names(value, j) && terms.Match(j.Field) {
				return &CycleError{[]string{j.fullName, j.fullName}}
			}
		}
	}
	p, err := populate(ctx, j.host, []*Jail{j})
	if err != nil {
		return err
	}
	return p.cycle(j)
}

func (j *Jail) dependsChanged() bool {
	switch {
	case !j.own.Changed():
		return false
	case !j.exists():
		return true
	}
	saved, err := config.ReadDir(j.path)
	if err != nil {
		return true
	}
	before := config.Effective{Own: saved, Defaults: j.defaults}
	return before.Depends().String() != j.effective().Depends().String()
}

// cycle finds the shortest way from a jail over its dependencies back to it.
func (p *population) cycle(j *Jail) error {
	from := map[string]*Jail{} // how a jail was reached
	todo := []*Jail{j}
	for len(todo) > 0 {
		next := todo[0]
		todo = todo[1:]
		on, _ := p.dependencies(next)
		for _, other := range on {
			if other.lockKey() == j.lockKey() {
				return &CycleError{wayBack(j, next, from)}
			}
			if from[other.lockKey()] == nil {
				from[other.lockKey()] = next
				todo = append(todo, other)
			}
		}
	}
	return nil
}

func wayBack(j, last *Jail, from map[string]*Jail) []string {
	way := []string{j.fullName}
	for at := last; at.lockKey() != j.lockKey(); at = from[at.lockKey()] {
		way = append(way, at.fullName)
	}
	way = append(way, j.fullName)
	slices.Reverse(way)
	return way
}
