package fleet

import (
	"cmp"
	"context"
	"iter"
	"runtime"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/jail"
)

// Options say how one operation is run on many jails.
type Options struct {
	// Parallel is how many jails are worked on at once. The default is twice the
	// number of processors, at least 4.
	Parallel int
	// OnEvent is called with every event of every jail as it comes, one at a time.
	// Head().Scope tells the jails apart.
	OnEvent func(events.IocEvent)
	// OnResult is called with the result of each jail as it ends, one at a time,
	// and never during OnEvent.
	OnResult func(Result)
}

func (o Options) parallel() int { return cmp.Or(max(o.Parallel, 0), max(4, 2*runtime.GOMAXPROCS(0))) }

// Select reads a list to its end, for the operations on many jails. It includes
// jails that could not be read: an operation on one fails and says why. Foreign
// jails are left out. The error is that of the list itself.
func Select(list iter.Seq2[*jail.Jail, error]) ([]*jail.Jail, error) {
	var all []*jail.Jail
	for j, err := range list {
		if j == nil {
			return all, err
		}
		if !j.Foreign() {
			all = append(all, j)
		}
	}
	return all, nil
}

// Each runs an operation on each of the jails, as many at once as the options
// say, without regard to dependencies:
//
//	fleet.Each(ctx, jails, fleet.Options{}, func(j *jail.Jail) *jail.Operation {
//		return j.Generator().Destroy(jail.DestroyOptions{})
//	})
//
// Each jail has its result whatever happens to the others. Jails that are not
// begun when the context ends fail with its error. Each jail's operation locks
// that jail and no other, so two calls of Each never wait for each other in a
// circle.
func Each(ctx context.Context, jails []*jail.Jail, o Options, do func(*jail.Jail) *jail.Operation) Results {
	now := time.Now
	var nodes []*node
	for _, j := range jails {
		now = j.Host().Now
		nodes = append(nodes, newNode(j, true, 0))
	}
	e := newExecution(o, now)
	e.begin = func(ctx context.Context, n *node) report { return e.follow(ctx, do(n.jail)) }
	return e.run(ctx, nodes)
}
