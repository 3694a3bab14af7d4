package jail

import (
	"cmp"
	"fmt"
	"time"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
)

// Probe is how to find out whether a jail does its work, see [config.Probe].
type Probe = config.Probe

// ReadyProbe returns the probe of the property user.ready, with defaults for the
// times that it leaves open. A value that is not a probe is an ErrConfig.
func (j *Jail) ReadyProbe() (Probe, error) {
	return j.probe(key.UserReady, Probe{Interval: time.Second, Timeout: time.Minute, Failures: 1})
}

// HealthProbe returns the probe of the property user.health in the same way.
func (j *Jail) HealthProbe() (Probe, error) {
	return j.probe(key.UserHealth, Probe{Interval: 10 * time.Second, Timeout: 5 * time.Second, Failures: 3})
}

func (j *Jail) probe(key config.Key[string], defaults Probe) (p Probe, err error) {
	eff := j.Effective()
	if err = eff.Problem(key.String()); err == nil {
		p, err = config.ParseProbe(key.Of(eff))
	}
	if err != nil {
		return p, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	p.Interval = cmp.Or(p.Interval, defaults.Interval)
	p.Timeout = cmp.Or(p.Timeout, defaults.Timeout)
	p.Failures = cmp.Or(p.Failures, defaults.Failures)
	return p, nil
}
