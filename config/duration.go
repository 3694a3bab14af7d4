package config

import (
	"fmt"
	"strconv"
	"time"
)

// maxDuration is the longest time that ParseDuration accepts.
const maxDuration = 24 * time.Hour

// ParseDuration reads a time within a property of type text, such as the probes
// and restart policies of packages jail and fleet: "1.5s", "500ms", "2m", or a
// number of seconds, from 1ms to 24h.
func ParseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if n, numErr := strconv.Atoi(text); numErr == nil {
		if n > int(maxDuration/time.Second) {
			return 0, fmt.Errorf("more than %v", maxDuration)
		}
		d, err = time.Duration(n)*time.Second, nil
	}
	switch {
	case err != nil:
		return 0, fmt.Errorf(`not a duration (want e.g. "10s")`)
	case d < time.Millisecond || d > maxDuration:
		return 0, fmt.Errorf("not between 1ms and %v", maxDuration)
	}
	return d, nil
}
