package jail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/host"
)

var (
	// ErrCycle: jails depend on each other in a circle. A *CycleError names them.
	ErrCycle = errors.New("jails depend on each other")
	// ErrDependency: a jail cannot be started because of one that it depends on.
	// A *DependencyError names both.
	ErrDependency = errors.New("dependency unavailable")
)

// CycleError is a circle of dependencies.
type CycleError struct {
	// Cycle holds the jails' full names, each depending on the next; the last is
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

// Unwrap returns what is wrong with the other jail.
func (e *DependencyError) Unwrap() error { return e.Err }

// Is makes errors.Is(err, ErrDependency) true.
func (e *DependencyError) Is(target error) bool { return target == ErrDependency }

// Dependencies resolves the property depends for the jails of one host, which
// it has listed once. Package fleet orders many jails with it.
type Dependencies struct {
	jails  []*Jail
	byKey  map[string]*Jail
	byName map[string][]*Jail // also by the short form of a UUID
}

// ListDependencies lists the jails of the host, also those that cannot be read.
// A given jail whose configuration the caller has changed takes the place of the
// saved one, and one that does not exist yet is added. The error is that of the
// list.
func ListDependencies(ctx context.Context, h *host.Host, given ...*Jail) (*Dependencies, error) {
	d := &Dependencies{byKey: map[string]*Jail{}, byName: map[string][]*Jail{}}
	own := map[string]*Jail{}
	for _, j := range given {
		own[j.lockKey()] = j
	}
	all, err := everyJail(ctx, h)
	if err != nil {
		return nil, err
	}
	for _, j := range all {
		if mine := own[j.lockKey()]; mine != nil && mine.own().Changed() {
			status := j.Status()
			j = mine.copy(func(is *state) { is.status = status })
		}
		delete(own, j.lockKey())
		d.add(j)
	}
	for _, key := range slices.Sorted(maps.Keys(own)) {
		d.add(own[key])
	}
	return d, nil
}

func (d *Dependencies) add(j *Jail) {
	d.jails = append(d.jails, j)
	d.byKey[j.lockKey()] = j
	for _, name := range []string{j.Name(), j.HumanReadableName()} {
		if !slices.Contains(d.byName[name], j) {
			d.byName[name] = append(d.byName[name], j)
		}
	}
}

// everyJail lists the jails of all sources, the broken ones as well. It asks ZFS
// only if a configuration is stored in ZFS properties.
func everyJail(ctx context.Context, h *host.Host) ([]*Jail, error) {
	read := func(o ListOptions) (all []*Jail, inProperties bool, err error) {
		o.Filters = []string{"foreign=no"}
		for j, err := range o.List(ctx, h) {
			if j == nil {
				return nil, false, err
			}
			inProperties = inProperties || errors.Is(err, config.ErrNoConfig)
			all = append(all, j)
		}
		return all, inProperties, nil
	}
	all, inProperties, err := read(ListOptions{MountedOnly: true})
	if inProperties {
		all, _, err = read(ListOptions{})
	}
	return all, err
}

// Find returns the jail as it was listed, or nil.
func (d *Dependencies) Find(j *Jail) *Jail { return d.byKey[j.lockKey()] }

// Of returns the jails that j depends on, sorted by priority and name. Templates
// are never among them, since they do not start, nor is j itself, as in libioc.
// A name without wildcards that no startable jail has is a *DependencyError; the
// others are returned with it.
func (d *Dependencies) Of(j *Jail) ([]*Jail, error) {
	terms := dependsOf(j)
	if len(terms) == 0 {
		return nil, nil
	}
	var on []*Jail
	for _, other := range d.candidates(terms) {
		if other.lockKey() != j.lockKey() && other.startable() && !slices.Contains(on, other) && terms.Match(other.Field) {
			on = append(on, other)
		}
	}
	slices.SortFunc(on, func(a, b *Jail) int {
		return cmp.Or(cmp.Compare(a.Priority(), b.Priority()), strings.Compare(a.FullName(), b.FullName()))
	})
	for _, value := range nameValues(terms) {
		name, literal := literalName(value)
		named := func(other *Jail) bool { return other.startable() && nameMatches(value, other) }
		if literal && !slices.ContainsFunc(d.byName[name], named) {
			return on, &DependencyError{j.FullName(), value.String(), ErrNotFound}
		}
	}
	return on, nil
}

// order returns what j depends on, directly or by way of others, each after those that it
// depends on itself. The dependencies of a running jail, j included, are not followed: it is
// up already. Errors are those of Of, and *CycleError.
func (d *Dependencies) order(j *Jail) ([]*Jail, error) {
	var out, way []*Jail
	var visit func(j *Jail) error
	visit = func(j *Jail) error {
		if i := slices.IndexFunc(way, j.same); i >= 0 {
			circle := &CycleError{}
			for _, at := range append(way[i:], j) {
				circle.Cycle = append(circle.Cycle, at.FullName())
			}
			return circle
		}
		if slices.ContainsFunc(out, j.same) {
			return nil
		}
		if !j.Status().Running {
			on, err := d.Of(j)
			if err != nil {
				return err
			}
			way = append(way, j)
			for _, other := range on {
				if err := visit(other); err != nil {
					return err
				}
			}
			way = way[:len(way)-1]
		}
		if len(way) > 0 {
			out = append(out, j)
		}
		return nil
	}
	if listed := d.Find(j); listed != nil {
		j = j.copy(func(is *state) { is.status = listed.Status() })
	}
	err := visit(j)
	return out, err
}

// needed reports whether a jail that runs depends on j itself.
func (d *Dependencies) needed(j *Jail) bool {
	for _, other := range d.jails {
		if !other.Status().Running || other.same(j) {
			continue
		}
		on, _ := d.Of(other)
		if slices.ContainsFunc(on, j.same) {
			return true
		}
	}
	return false
}

func (j *Jail) same(other *Jail) bool { return j.lockKey() == other.lockKey() }

func dependsOf(j *Jail) config.Terms { return key.Depends.Of(j.Effective()) }

// nameValues returns the values of a selector's terms for names.
func nameValues(terms config.Terms) (values []config.Pattern) {
	for _, t := range terms {
		if t.Key == "name" {
			values = append(values, t.Values...)
		}
	}
	return values
}

// nameMatches reports whether one value of a selector's names matches the jail.
func nameMatches(value config.Pattern, j *Jail) bool {
	return config.Terms{{Key: "name", Values: []config.Pattern{value}}}.Match(j.Field)
}

func (j *Jail) startable() bool { return !key.Template.Of(j.Effective()) }

// candidates narrows a selector down by the names of its first term for names,
// so that a thousand jails with one dependency each need no million comparisons.
func (d *Dependencies) candidates(terms config.Terms) []*Jail {
	i := slices.IndexFunc(terms, func(t config.Term) bool { return t.Key == "name" })
	if i < 0 {
		return d.jails
	}
	var out []*Jail
	for _, value := range terms[i].Values {
		name, literal := literalName(value)
		if !literal {
			return d.jails
		}
		out = append(out, d.byName[name]...)
	}
	return out
}

// literalName returns the name that a value without wildcards stands for. Names
// contain neither wildcards nor anything that would be escaped.
func literalName(p config.Pattern) (name string, ok bool) {
	text := p.String()
	if i := strings.IndexByte(text, '/'); i >= 0 {
		text = text[i+1:]
	}
	return text, !strings.ContainsAny(p.String(), `*+\`)
}

// Priority returns the property priority: of jails that could start at the same
// time the one with the lower priority begins first, and stops last.
func (j *Jail) Priority() int { return key.Priority.Of(j.Effective()) }

// Dependencies returns the jails that the jail's depends selects, in the order
// in which they would be started. Errors: *DependencyError for a name that no
// jail has, *CycleError if the jail depends on itself by way of others, and those
// of List.
func (j *Jail) Dependencies(ctx context.Context) ([]*Jail, error) {
	j = j.still()
	d, err := ListDependencies(ctx, j.host, j)
	if err != nil {
		return nil, err
	}
	on, err := d.Of(j)
	if err != nil {
		return on, err
	}
	return on, d.cycle(j)
}

// CheckDepends reports whether depends may have this value: the error is nil, a
// *config.PropertyError, or a *CycleError if the jail would depend on itself,
// directly or by way of others. Whether those others run does not matter. A name
// that no jail has yet is allowed. Save makes the same check if depends was
// changed.
func (j *Jail) CheckDepends(ctx context.Context, value string) error {
	changed, err := j.still().with(map[string]string{"depends": value})
	if err != nil {
		return err
	}
	return changed.mayDepend(ctx)
}

// mayDepend refuses a circle through this jail, unless depends is the same as in
// the file: a circle that is saved already does not prevent other changes.
func (j *Jail) mayDepend(ctx context.Context) error {
	if !j.dependsChanged() {
		return nil
	}
	terms := dependsOf(j)
	if len(terms) == 0 {
		return nil
	}
	for _, value := range nameValues(terms) {
		// The jail's own name is a mistake; "*" means all the others.
		if _, literal := literalName(value); literal && nameMatches(value, j) && terms.Match(j.Field) {
			return &CycleError{[]string{j.FullName(), j.FullName()}}
		}
	}
	d, err := ListDependencies(ctx, j.host, j)
	if err != nil {
		return err
	}
	return d.cycle(j)
}

func (j *Jail) dependsChanged() bool {
	switch {
	case !j.own().Changed():
		return false
	case !j.exists():
		return true
	}
	before, ok := j.onDisk()
	return !ok || key.Depends.Of(before).String() != key.Depends.Of(j.Effective()).String()
}

// onDisk returns the configuration that the jail's file has now.
func (j *Jail) onDisk() (eff config.Effective, ok bool) {
	saved, err := config.ReadDir(j.Path())
	return config.Effective{Own: saved, Defaults: j.defaults}, err == nil
}

// cycle finds the shortest way from a jail over its dependencies back to it.
func (d *Dependencies) cycle(j *Jail) error {
	from := map[string]*Jail{} // how a jail was reached
	for todo := []*Jail{j}; len(todo) > 0; todo = todo[1:] {
		on, _ := d.Of(todo[0])
		for _, other := range on {
			if other.lockKey() == j.lockKey() {
				return &CycleError{wayBack(j, todo[0], from)}
			}
			if from[other.lockKey()] == nil {
				from[other.lockKey()] = todo[0]
				todo = append(todo, other)
			}
		}
	}
	return nil
}

func wayBack(j, last *Jail, from map[string]*Jail) []string {
	way := []string{j.FullName()}
	for at := last; at.lockKey() != j.lockKey(); at = from[at.lockKey()] {
		way = append(way, at.FullName())
	}
	way = append(way, j.FullName())
	slices.Reverse(way)
	return way
}
