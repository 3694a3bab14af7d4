package fleet

import (
	"slices"
	"sync"
)

// livesKept is how many starts and stops of one jail wait for a slow reader
// before the middle ones are merged.
const livesKept = 16

// changeQueue holds the changes that the reader has not taken yet, in order for
// each jail. put never blocks, and the number for each jail is bounded.
type changeQueue struct {
	mu    sync.Mutex
	some  sync.Cond
	jails map[string][]Change
	order []string // jails with changes, the one that waits longest first
	err   error
}

func newChangeQueue() *changeQueue {
	q := &changeQueue{jails: map[string][]Change{}}
	q.some.L = &q.mu
	return q
}

// put adds a change of the jail with that key.
func (q *changeQueue) put(key string, c Change) {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.jails[key]
	if len(list) == 0 {
		q.order = append(q.order, key)
	}
	q.jails[key] = merge(list, c)
	q.some.Signal()
}

// merge adds a change to those of one jail that wait.
func merge(list []Change, c Change) []Change {
	switch c.Kind {
	case ChangeConfig, ChangeParams, ChangeDied:
		// The reader reads the current state when it gets the change: once is enough.
		// It may concern the current life only, so it is not moved before it.
		for i := len(list) - 1; i >= 0 && !list[i].Kind.life(); i-- {
			if list[i].Kind == c.Kind && list[i].Identity == c.Identity {
				list[i].Merged += 1 + c.Merged
				return list
			}
		}
		return append(list, c)
	}
	list = append(list, c)
	var lives []int // indexes of changes that begin or end a life
	for i, one := range list {
		if one.Kind.life() {
			lives = append(lives, i)
		}
	}
	if len(lives) <= livesKept {
		return list
	}
	// The first one stays: it ends what the reader knows.
	for k := 1; k+1 < len(lives); k++ {
		from, to := lives[k], lives[k+1]
		if !list[from].Kind.endsWith(list[to].Kind) {
			continue
		}
		for _, one := range list[from : to+1] {
			list[lives[0]].Merged += 1 + one.Merged
		}
		return slices.Delete(slices.Clone(list), from, to+1)
	}
	return list
}

// life reports whether the change begins or ends the jail or a run of it.
func (k ChangeKind) life() bool {
	return k.run() || k == ChangeCreated || k == ChangeDestroyed || k == ChangeThere
}

func (k ChangeKind) run() bool { return k == ChangeStarted || k == ChangeStopped }

// endsWith reports whether two successive changes are a whole life, which a reader
// that was not told of its beginning does not miss.
func (k ChangeKind) endsWith(end ChangeKind) bool {
	return k == ChangeStarted && end == ChangeStopped || k == ChangeCreated && end == ChangeDestroyed
}

// fail ends the queue with an error, after what it holds.
func (q *changeQueue) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.err = err
	q.some.Signal()
}

// next waits for the next change.
func (q *changeQueue) next() (Change, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.order) == 0 {
		if q.err != nil {
			return Change{}, q.err
		}
		q.some.Wait()
	}
	key := q.order[0]
	list := q.jails[key]
	c := list[0]
	q.order = q.order[1:]
	if len(list) == 1 {
		delete(q.jails, key)
	} else {
		q.jails[key] = list[1:]
		q.order = append(q.order, key) // the others first
	}
	return c, nil
}
