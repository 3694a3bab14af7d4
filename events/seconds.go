package events

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
)

// seconds is a duration as a JSON number of seconds, exact to the nanosecond.
type seconds time.Duration

// MarshalJSON writes at most nine digits after the point, no exponent.
func (s seconds) MarshalJSON() ([]byte, error) {
	sign, n := "", uint64(s)
	if s < 0 {
		sign, n = "-", -n
	}
	text := fmt.Sprintf("%s%d.%09d", sign, n/1e9, n%1e9)
	return []byte(strings.TrimSuffix(strings.TrimRight(text, "0"), ".")), nil
}

// UnmarshalJSON also takes an exponent, as other programs may write it.
func (s *seconds) UnmarshalJSON(text []byte) error {
	if d, err := time.ParseDuration(string(text) + "s"); err == nil {
		*s = seconds(d)
		return nil
	}
	var f float64
	if err := json.Unmarshal(text, &f); err != nil {
		return err
	}
	if f *= 1e9; math.Abs(f) >= math.MaxInt64 {
		return fmt.Errorf("events: duration %s out of range", text)
	}
	*s = seconds(math.Round(f))
	return nil
}
