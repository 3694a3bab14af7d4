package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/catch"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/procgroup"
)

// Job is one call of an operation: what it locks, how it is planned, where its
// journal is.
type Job[E any] struct {
	// Event is the outermost event, sent when the first step is about to begin,
	// or failed alone when the operation is refused.
	Event events.IocEvent
	// Room is how many transitions fit into the channel while nobody reads,
	// recovery included. For a plan that needs more the channel is told to hold
	// room for transitions as it is read; see events.Operation.Grow.
	Room int
	// Before, if not nil, runs before the lock is taken, and after what an interrupted
	// operation left was cleared; recovered is that of Plan. Begin begins the
	// operation's event, for that many transitions more than the plan's. After, if not
	// nil, is called with the operation's error once the lock is free, and returns what is
	// added to it.
	Before func(ctx context.Context, recovered string, begin func(transitions int) *events.Span) (after func(error) error, err error)
	// Lock takes the lock of the resource, or fails.
	Lock func(ctx context.Context) (unlock func(), err error)
	// Told, if not nil, returns what Lock has found of other resources, for the caller.
	Told func() []Told
	// Plan makes the plan, under the lock and after leftovers were cleared.
	// Recovered names the operation that was finished by that, or is empty. A nil
	// plan means that this was all there was to do. StartRecover makes none.
	Plan func(ctx context.Context, recovered string) (*Plan, error)
	// Wrap, if not nil, is applied to the operation's error.
	Wrap func(error) error
	// Env is what the steps work on.
	Env E
	// Journal is the journal's path; Key and Boot go into its header.
	Journal, Key string
	// Mark, if not nil, returns the path of the operation's mark, a file in the pool of
	// what it is about; it is empty where nothing of the pool is mounted to hold it.
	Mark  func(ctx context.Context) (string, error)
	Boot  func(ctx context.Context) (string, error)
	Clock func() time.Time
	Scope string
	// Destroys marks the job of an operation that takes its resource away with all that
	// is in it. It passes over a failed recovery whose steps were all in the resource.
	Destroys bool
	// After, if not nil, runs after a success while the lock is still held.
	After func()

	recovered string // by what was cleared for Before
}

// Told is what became of another resource's journal: an event, sent as a failed one
// within the operation, which goes on.
type Told struct {
	Event events.IocEvent
	Err   error
}

// Start begins the job and returns the channel of its events, which is closed
// when all is done and the lock is free again. The work goes on whether or not
// anyone reads.
func (r Runner[E]) Start(ctx context.Context, job Job[E]) <-chan events.IocEvent {
	op := events.NewOperation(events.Options{Room: job.Room, Clock: job.Clock, Scope: job.Scope})
	go r.work(ctx, job, op)
	return op.Events()
}

func (r Runner[E]) work(ctx context.Context, job Job[E], op *events.Operation) {
	wrap := job.Wrap
	if wrap == nil {
		wrap = func(err error) error { return err }
	}
	var span *events.Span
	begin := func() *events.Span {
		if span == nil {
			span = op.Begin(job.Event)
		}
		return span
	}
	after := func(error) error { return nil }
	err := catch.Panic(func() error {
		if job.Before == nil {
			return nil
		}
		if _, err := os.Lstat(job.Journal); err == nil {
			first := job
			first.Plan, first.After = nil, nil
			if job.recovered, err = r.underLock(procgroup.WithLocks(ctx), first, op, begin); err != nil {
				return err
			}
		}
		then, err := job.Before(ctx, job.recovered, func(transitions int) *events.Span {
			op.Grow(transitions)
			return begin()
		})
		if then != nil {
			after = then
		}
		return err
	})
	if err == nil {
		_, err = r.underLock(procgroup.WithLocks(ctx), job, op, begin)
	}
	if !errors.Is(err, ErrCrash) {
		err = appendError(err, catch.Panic(func() error { return after(err) }))
	}
	if err != nil {
		err = wrap(err)
	}
	switch {
	case span == nil && err != nil:
		op.Refuse(job.Event, err)
		return
	case err != nil:
		span.Fail(err, "")
	case span != nil || job.Plan != nil:
		begin().Done("")
	}
	op.Close(err)
}

// underLock does the job under its resource's lock. It returns the operation that was
// finished by recovery.
func (r Runner[E]) underLock(ctx context.Context, job Job[E], op *events.Operation, begin func() *events.Span) (recovered string, err error) {
	var unlock func()
	err = catch.Panic(func() (err error) {
		unlock, err = job.Lock(ctx)
		return err
	})
	if err != nil {
		return "", err
	}
	defer unlock()
	err = catch.Panic(func() (err error) {
		if job.Told != nil {
			for _, t := range job.Told() {
				_ = begin().Begin(t.Event).Fail(t.Err, "")
			}
		}
		recovered, err = r.locked(ctx, job, op, begin)
		if err == nil && job.After != nil {
			job.After()
		}
		return err
	})
	return recovered, err
}

func (r Runner[E]) locked(ctx context.Context, job Job[E], op *events.Operation, begin func() *events.Span) (recovered string, err error) {
	if err := ctx.Err(); err != nil && job.Plan != nil {
		return "", err
	}
	recovered, err = r.recover(ctx, job, begin)
	if err != nil || job.Plan == nil {
		return recovered, err
	}
	recovered = cmp.Or(recovered, job.recovered)
	room := job.Room
	for try := 1; ; try++ {
		p, err := job.Plan(ctx, recovered)
		if err != nil || p == nil {
			job.forgetMark(ctx)
			return recovered, err
		}
		op.Grow(p.Room() - room)
		if err = r.plans(ctx, job, p, begin); !isAgain(err) || try == plannings {
			return recovered, err
		}
		room = 0
	}
}

// plannings is how often an operation is planned at most, see Again. Of several that want
// the same one gets it each time.
const plannings = 100

// plans runs a plan and those that follow it.
func (r Runner[E]) plans(ctx context.Context, job Job[E], p *Plan, begin func() *events.Span) error {
	boot, err := job.Boot(ctx)
	if err != nil {
		return err
	}
	mark, err := job.markPath(ctx)
	if err != nil {
		return err
	}
	before, tries := 0, 1
	for p != nil {
		j, err := r.begin(ctx, job, mark, Header{
			Key: job.Key, Boot: boot, PID: os.Getpid(), Started: job.Clock(), Plan: *p,
		})
		if err != nil {
			return err
		}
		err = r.Run(ctx, job.Env, j, begin())
		if isAgain(err) && p.Replan != nil && tries < plannings {
			tries++
			if p, err = p.Replan(ctx); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		// What is half way to another state goes on when the caller gives up.
		before += len(p.Steps)
		//nolint:fatcontext // one more for each plan, of which there are two at most
		ctx = context.WithValue(context.WithoutCancel(ctx), beforeKey{}, before)
		p = p.Next
	}
	return nil
}

// recover resumes the job's journal, if there is one, and returns the name of
// the operation that is finished by that; an undone one has none. The caller
// holds the resource's lock.
func (r Runner[E]) recover(ctx context.Context, job Job[E], begin func() *events.Span) (operation string, err error) {
	j, err := Open(job.Journal)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if job.Plan == nil { // a plan's own mark takes its place
			job.forgetMark(ctx) // a kill came between the two removals
		}
		return "", nil
	case errors.Is(err, ErrNoHeader):
		if err = job.unread(ctx, err); err == nil {
			return "", os.Remove(job.Journal)
		}
		if !errors.Is(err, ErrDamaged) {
			return "", err
		}
		fallthrough
	case errors.Is(err, ErrDamaged):
		begin()
		job.forgetMark(ctx)
		return "", setAside(job.Journal, err)
	case err != nil:
		return "", err
	}
	boot, err := job.Boot(ctx)
	if err != nil {
		return "", errors.Join(err, j.Close())
	}
	mark, err := job.markPath(ctx)
	if err != nil {
		return "", errors.Join(err, j.Close())
	}
	err = errors.Join(r.understood(j, job.Key), j.live(mark, boot, r.durable(j.Header.Plan.Steps)))
	switch {
	case errors.Is(err, ErrEnded) && !errors.Is(err, ErrDamaged) && boot != j.Header.Boot && !r.durable(j.Header.Plan.Steps):
		// Neither the mark nor anything that the operation did outlives a power loss.
		return "", j.Remove()
	case errors.Is(err, ErrDamaged), errors.Is(err, ErrEnded):
		begin()
		job.forgetMark(ctx)
		return "", errors.Join(setAside(job.Journal, err), j.Close())
	case err != nil:
		return "", errors.Join(err, j.Close())
	}
	operation, j.writing = j.Header.Plan.Operation, writing(ctx)
	finished, err := r.Resume(ctx, job.Env, j, boot, begin())
	switch {
	case err != nil && job.Destroys && r.inside(j):
		return "", errors.Join(removeFile(j.path), removeMark(mark))
	case err != nil:
		return "", fmt.Errorf("clear what an interrupted %s of %s left, by %s: %w", operation, j.Header.Plan.Subject, j.path, err)
	case !finished || j.ended:
		return "", nil
	}
	return operation, nil
}

// StartRecover begins a job that only clears what an interrupted operation
// left. When nothing was left no event is sent.
func (r Runner[E]) StartRecover(ctx context.Context, job Job[E]) <-chan events.IocEvent {
	job.Plan = nil
	return r.Start(ctx, job)
}

const journalSuffix = ".journal"

// Journals lists the names of the resources that have a journal in a directory.
func Journals(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), journalSuffix); ok {
			names = append(names, name)
		}
	}
	return names, err
}

// Unended lists the names of the resources that have a journal in a directory, or a mark
// beside this one, which is empty where none can be: of a mark without a journal an
// operation was killed as it ended.
func Unended(dir, mark string) ([]string, error) {
	names, err := Journals(dir)
	if mark == "" {
		return names, err
	}
	marks, merr := os.ReadDir(filepath.Dir(mark))
	for _, e := range marks {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(names, e.Name()) { // one half written is hidden
			names = append(names, e.Name())
		}
	}
	return names, errors.Join(err, ignore.Err(merr, fs.ErrNotExist))
}
