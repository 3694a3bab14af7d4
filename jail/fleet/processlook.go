package fleet

import (
	"context"
	"time"

	"github.com/libioc/go-libioc/kernel"
)

// lookAtProcesses finds out at each interval which jails have processes, with one
// reading of the process table for all keepers that want to know.
func (s *Supervisor) lookAtProcesses(ctx context.Context) {
	tick := time.NewTicker(s.o.Watch.Interval)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		lives := s.lookedAt()
		if len(lives) == 0 {
			continue
		}
		busy, err := withProcesses(ctx, s.host.Kernel)
		if err != nil {
			if ctx.Err() == nil && !failing {
				s.host.Logger().Warn("look at the processes of jails", "error", err)
			}
			failing = true
			continue
		}
		failing = false
		for k, life := range lives {
			k.see(look{life, busy[life.JID]})
		}
	}
}

// lookedAt returns the runs whose processes somebody wants to know of. They are known
// before the table is read, so that it is never older than they are.
func (s *Supervisor) lookedAt() map[*keeper]kernel.Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	lives := map[*keeper]kernel.Identity{}
	for _, k := range s.keepers {
		if life := k.looksAt(); !life.IsZero() {
			lives[k] = life
		}
	}
	return lives
}

// withProcesses returns the jids of the jails that have processes of their own.
func withProcesses(ctx context.Context, k kernel.Processes) (map[int]bool, error) {
	list, err := k.ProcessListAll(ctx)
	busy := map[int]bool{}
	for _, p := range list {
		busy[p.JID] = true
	}
	return busy, err
}
