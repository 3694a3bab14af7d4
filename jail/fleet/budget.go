package fleet

import "time"

// The default budgets. The watchdog of rc.shutdown(8) ends it after 90 s, see
// rcshutdown_timeout in rc.conf(5).
const (
	DefaultBootBudget     = 5 * time.Minute
	DefaultShutdownBudget = 80 * time.Second
)

// budget is the time that the whole host may take, as limits.
type budget struct {
	soft time.Time // no jail begins any more, and jails that hang are not waited for
	late time.Time // operations that still run are canceled
	hard time.Time // the results are returned
	// patience is how long a jail has a slot for itself: a few jails that hang do
	// not keep all others out.
	patience time.Duration
}

func newBudget(began time.Time, total time.Duration) budget {
	return budget{
		soft:     began.Add(total * 3 / 4),
		late:     began.Add(total * 9 / 10),
		hard:     began.Add(total),
		patience: total / 10,
	}
}
