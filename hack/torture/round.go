package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/libioc/go-libioc/internal/hosttest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

// round is one round, drawn as a whole before it begins.
type round struct {
	jails      beginning
	lives      [2]uint64
	programs   int
	operations int
	delay      time.Duration
	pool       bool // is full
	state      bool // is full
	reboot     bool
	acts       []hosttest.Act // by hand, between the kill and Recover
	damages    []damage
	victim     string // is destroyed while the disk is full
}

func drawRound(r *rand.Rand) round {
	d := round{
		jails: drawBeginning(r),
		lives: [2]uint64{r.Uint64(), r.Uint64()}, programs: 1 + r.IntN(2), operations: 1 + r.IntN(15), delay: time.Duration(r.IntN(10_000)) * time.Microsecond,
		pool: r.IntN(5) == 0, state: r.IntN(6) == 0, reboot: r.IntN(5) == 0, victim: names[r.IntN(len(names))],
	}
	for range r.IntN(6) {
		d.acts = append(d.acts, hosttest.DrawAct(r))
	}
	if r.IntN(3) == 0 {
		for range 1 + r.IntN(3) {
			d.damages = append(d.damages, drawDamage(r))
		}
	}
	return d
}

// String returns what the round does, the same for the same seed.
func (d round) String() string {
	text := fmt.Sprintf("%v, %d programs (%d, %d), killed %v after %d operations", d.jails, d.programs, d.lives[0], d.lives[1], d.delay, d.operations)
	for _, what := range []struct {
		done bool
		name string
	}{{d.reboot, "reboot"}, {d.pool, "full pool"}, {d.state, "full state directory"}} {
		if what.done {
			text += ", " + what.name
		}
	}
	for _, act := range d.acts {
		text += fmt.Sprintf(", %v", act)
	}
	for _, one := range d.damages {
		text += fmt.Sprintf(", %v a file", one)
	}
	return text + ", " + d.victim
}

// outcome is what a round did and found.
type outcome struct {
	kills, began, interrupted, acts, damages, fillings, reboots int

	said  []string // by the workers, until the kill
	did   []string // by hand, between the kill and Recover
	wrong []string
}

func (out *outcome) find(what string, err error) {
	if err != nil {
		out.wrong = append(out.wrong, fmt.Sprintf("%s: %v", what, err))
	}
}

// run runs the round. Its error is one of torture itself.
func (d round) run(ctx context.Context, o options, number int) (out outcome, err error) {
	full := d.pool || d.state && o.real
	var empty func() error
	fill := func(m *machine) error {
		if full {
			out.fillings = 1
			empty, err = m.fill(ctx, d.pool, d.state)
		}
		return err
	}
	defer func() {
		if empty != nil { // it came to an end before
			err = errors.Join(err, empty())
		}
	}()
	if o.real {
		err = d.live(ctx, o, fill, &out)
	} else {
		err = d.kill(ctx, o, &out)
	}
	if err != nil {
		return out, err
	}
	m, err := o.open(ctx)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	if d.reboot && m.reboot != nil {
		out.reboots++
		if err := m.reboot(); err != nil {
			return out, err
		}
	}
	hand, err := m.hand(ctx, o)
	if err != nil {
		return out, err
	}
	files, err := m.state()
	if err != nil {
		return out, err
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if filepath.Ext(path) == journalSuffix {
			out.interrupted++
		}
		out.said = append(out.said, path+":", files[path])
	}
	for _, act := range d.acts {
		what, err := hand.Do(ctx, act)
		if err != nil {
			return out, fmt.Errorf("by hand: %s: %w", what, err)
		}
		out.did, out.acts = append(out.did, what), out.acts+1
	}
	var broken []damaged
	for _, one := range d.damages {
		done, ok, err := one.do(m, filepath.Join(o.dir, "copies"))
		if err != nil {
			return out, err
		}
		if ok {
			// A full state directory may keep a file from being renamed, and a jail is
			// destroyed all the same.
			done.aside = done.aside && !(d.state && m.real)
			// What was done to a file last decides.
			broken = append(slices.DeleteFunc(broken, func(d damaged) bool { return d.path == done.path }), done)
			out.did, out.damages = append(out.did, done.what), out.damages+1
		}
	}
	if err := o.touch(ctx, m, hand, broken); err != nil {
		return out, err
	}
	before, err := m.bystanders(ctx, files)
	if err != nil {
		return out, err
	}
	if full {
		if !m.real {
			if err := fill(m); err != nil {
				return out, err
			}
		}
		d.whenFull(ctx, m, hand, len(broken) > 0, before, &out)
		if err := empty(); err != nil {
			return out, err
		}
		empty = nil
	}
	_, first := jail.Recover(ctx, m.Host)
	if first != nil && !strings.Contains(first.Error(), m.JournalDir(m.source.Name, "")) {
		out.find("Recover names no file", first)
	}
	out.wrong = append(out.wrong, before.missing(ctx, m)...)
	if err := m.clearRelease(ctx, broken); err != nil {
		return out, err
	}
	out.wrong = append(out.wrong, hosttest.Recover(ctx, m.Host, m.source, hand)...)
	stray, err := o.addresses.left(ctx, m)
	out.wrong = append(out.wrong, stray...)
	lacking, aerr := notAside(m, broken)
	out.wrong = append(out.wrong, lacking...)
	return out, errors.Join(err, aerr, keepCopies(files, filepath.Join(o.dir, "copies"), number))
}

// touch says that the jails were changed by hand, because a damaged journal no longer
// says what was half done.
func (o options) touch(ctx context.Context, m *machine, hand *hosttest.Hand, broken []damaged) error {
	if !slices.ContainsFunc(broken, func(d damaged) bool { return !d.stale }) {
		return nil
	}
	for _, name := range names { // a rename is about two
		if err := hand.Touch(ctx, name); err != nil {
			return err
		}
	}
	return o.addresses.damage(ctx, m.Kernel)
}

// clearRelease destroys by hand a release that may be half fetched or half destroyed
// and whose journal, which said so, was damaged.
func (m *machine) clearRelease(ctx context.Context, broken []damaged) error {
	if !slices.ContainsFunc(broken, func(d damaged) bool {
		return d.path == m.JournalPath(m.source.Name, "release", otherRelease) && !d.stale
	}) {
		return nil
	}
	err := m.Store.Destroy(ctx, m.source.Releases()+"/"+otherRelease, zfsstore.DestroyOptions{Recursive: true})
	if errors.Is(err, zfsstore.ErrNotFound) {
		return nil
	}
	return err
}

// whenFull recovers, stops and destroys while the disk is full.
func (d round) whenFull(ctx context.Context, m *machine, hand *hosttest.Hand, broken bool, before bystanders, out *outcome) {
	_, err := jail.Recover(ctx, m.Host)
	if err != nil && noSpace(err) && !broken {
		out.find("Recover on a full disk", err)
	}
	j, err := jail.Load(ctx, m.Host, d.victim)
	if err != nil {
		return
	}
	if other, err := hosttest.MadeByHand(ctx, j); other || err != nil {
		return
	}
	delete(before, j.Dataset())
	if _, err := j.Stop(ctx, jail.StopOptions{Force: true}); err != nil && noSpace(err) {
		out.find("stop on a full disk", err)
	}
	if _, err := j.Destroy(ctx, jail.DestroyOptions{Force: true}); err != nil && noSpace(err) {
		out.find("destroy on a full disk", err)
	}
}

// kill starts a worker on the simulated host, with programs and an administrator, and
// kills it.
func (d round) kill(ctx context.Context, o options, out *outcome) error {
	if err := d.begin(ctx, o); err != nil {
		return err
	}
	c, err := o.start(ctx, d.lives[0], d.programs, d.operations, true, d.pool)
	if err != nil {
		return err
	}
	return out.after(c, d.delay)
}

// begin opens the simulated host, which one process at a time can, for the beginning.
func (d round) begin(ctx context.Context, o options) (err error) {
	m, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	hand, err := m.hand(ctx, o)
	if err != nil {
		return err
	}
	return d.jails.make(ctx, m, hand)
}

// after kills a worker and counts what it said.
func (out *outcome) after(c *child, delay time.Duration) error {
	s, err := c.kill(delay)
	out.kills++
	out.began += s.began
	out.acts += s.byHand
	out.said = append(out.said, s.lines...)
	out.wrong = append(out.wrong, s.unexpected...)
	return err
}

// live lets one or two programs of a real machine work, and this one by hand.
func (d round) live(ctx context.Context, o options, fill func(*machine) error, out *outcome) error {
	m, err := o.open(ctx)
	if err != nil {
		return err
	}
	hand, err := m.hand(ctx, o)
	if err != nil {
		return err
	}
	if err := d.jails.make(ctx, m, hand); err != nil {
		return err
	}
	if err := fill(m); err != nil {
		return err
	}
	var children []*child
	for n := range d.programs {
		c, err := o.start(ctx, d.lives[n], 1, d.operations, false, false)
		if err != nil {
			return err
		}
		children = append(children, c)
	}
	acting, stop := context.WithCancel(ctx)
	idle := make(chan struct{})
	said := &acts{}
	go func() {
		defer close(idle)
		byHand(acting, hand, d.lives[0], &lines{w: said})
	}()
	for _, c := range children {
		// What a real program does takes long enough to be cut off anywhere.
		err = errors.Join(err, out.after(c, 50*d.delay))
	}
	stop()
	<-idle
	out.acts += said.done
	out.wrong = append(out.wrong, said.unexpected...)
	return err
}

// acts counts the lines of the administrator.
type acts struct {
	done       int
	unexpected []string
}

func (a *acts) Write(line []byte) (int, error) {
	if strings.HasPrefix(string(line), unexpected) {
		a.unexpected = append(a.unexpected, strings.TrimSpace(string(line)))
	} else {
		a.done++
	}
	return len(line), nil
}
