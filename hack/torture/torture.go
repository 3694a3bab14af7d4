package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/hosttest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/zfsstore"
)

// grace is how long the last round and the end may take after the time is over. What
// takes longer hangs.
const grace = 10 * time.Minute

// torture runs rounds until the time is over, and then takes everything off the host.
// It returns how much was wrong.
func torture(ctx context.Context, w io.Writer, o options) (wrong int, err error) {
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano())
	}
	temporary := o.dir == ""
	if temporary {
		if o.dir, err = os.MkdirTemp("", "torture-"); err != nil {
			return 0, err
		}
		defer func() {
			if wrong == 0 && err == nil {
				err = os.RemoveAll(o.dir)
				return
			}
			fmt.Fprintln(w, "kept:", o.dir)
		}()
	}
	o.addresses = &addresses{}
	fmt.Fprintf(w, "seed %d, %v\n", o.seed, o.duration)
	ctx, cancel := context.WithTimeout(ctx, o.duration+grace)
	defer cancel()
	until := time.Now().Add(o.duration)
	sum := outcome{}
	err = o.prepare(ctx)
	r := rand.New(rand.NewPCG(o.seed, 0))
	rounds := 0
	for err == nil && time.Now().Before(until) && ctx.Err() == nil && (o.rounds == 0 || rounds < o.rounds) && len(sum.wrong) == 0 {
		rounds++
		var out outcome
		drawn := drawRound(r)
		fmt.Fprintf(w, "round %d is %v\n", rounds, drawn)
		out, err = drawn.run(ctx, o, rounds)
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		sum.add(out)
		if o.verbose || len(out.wrong) > 0 {
			fmt.Fprint(w, out.trail())
		}
		fmt.Fprintf(w, "round %d: %v\n", rounds, &out)
	}
	if err == nil && len(sum.wrong) == 0 {
		var out outcome
		out, err = o.finish(ctx)
		sum.add(out)
	}
	fmt.Fprintf(w, "%d rounds, %v\n", rounds, &sum)
	if len(sum.wrong) > 0 || err != nil {
		fmt.Fprintf(w, "FAIL: repeat the order of what was done with -seed %d\n", o.seed)
	}
	return len(sum.wrong), err
}

func (out *outcome) add(other outcome) {
	out.kills += other.kills
	out.began += other.began
	out.interrupted += other.interrupted
	out.acts += other.acts
	out.damages += other.damages
	out.fillings += other.fillings
	out.reboots += other.reboots
	out.wrong = append(out.wrong, other.wrong...)
}

func (out *outcome) String() string {
	text := fmt.Sprintf("%d kills of %d operations, %d interrupted, %d acts by hand, %d damaged files, %d fillings, %d reboots, %d findings",
		out.kills, out.began, out.interrupted, out.acts, out.damages, out.fillings, out.reboots, len(out.wrong))
	for _, one := range out.wrong {
		text += "\n  wrong: " + strings.ReplaceAll(one, "\n", "; ")
	}
	return text
}

// trail returns what was done, a line each.
func (out *outcome) trail() (text string) {
	for _, line := range out.said {
		text += "  " + strings.ReplaceAll(strings.TrimSpace(line), "\n", "\n  ") + "\n"
	}
	for _, what := range out.did {
		text += "  before Recover: " + what + "\n"
	}
	return text
}

// prepare makes the host ready.
func (o options) prepare(ctx context.Context) (err error) {
	m, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	return m.prepare(ctx, o)
}

// finish destroys every jail, release and whatever was made by hand. What cannot be
// destroyed is a finding.
func (o options) finish(ctx context.Context) (out outcome, err error) {
	m, err := o.open(ctx)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	hand, err := m.hand(ctx, o)
	if err != nil {
		return out, err
	}
	out.wrong = hosttest.Recover(ctx, m.Host, m.source, hand)
	// One may be a clone of another, or of what was moved away by hand.
	var refused error
	for range 2 * (len(names) + 1) {
		refused = errors.Join(hand.Leave(ctx), destroyJails(ctx, m))
		if refused == nil {
			break
		}
	}
	out.find("at the end", refused)
	for _, name := range []string{otherRelease, jailRelease} {
		if err := m.drop(ctx, name); !errors.Is(err, release.ErrNotFetched) {
			out.find("at the end", err)
		}
	}
	_, err = jail.Recover(ctx, m.Host)
	out.find("at the end", err)
	out.wrong = append(out.wrong, hosttest.Check(ctx, m.Host, m.source, hosttest.Options{})...)
	out.wrong = append(out.wrong, left(ctx, m)...)
	stray, err := o.addresses.left(ctx, m)
	out.wrong = append(out.wrong, stray...)
	out.find("at the end", err)
	if len(out.wrong) > 0 {
		return out, nil
	}
	return out, dismantle(ctx, o, m)
}

func destroyJails(ctx context.Context, m *machine) (all error) {
	for j, err := range jail.List(ctx, m.Host) {
		if err == nil && slices.Contains(names, j.Name()) {
			err = events.Wait(ctx, j.Generator().Destroy(jail.DestroyOptions{Force: true}).Events(ctx))
		}
		all = errors.Join(all, err)
	}
	return all
}

// left returns the datasets that still exist but for those that hold others.
func left(ctx context.Context, m *machine) (wrong []string) {
	all, err := m.Store.List(ctx, m.source.Dataset, zfsstore.ListOptions{Types: []zfsstore.Type{zfsstore.Filesystem, zfsstore.Snapshot}})
	if err != nil {
		return []string{err.Error()}
	}
	for _, d := range all {
		if d.Name != m.source.Dataset && d.Name != m.source.Jails() && d.Name != m.source.Releases() {
			wrong = append(wrong, d.Name+" is left")
		}
	}
	return wrong
}
