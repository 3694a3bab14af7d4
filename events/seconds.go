package events

import (
	"encoding/json"
	"fmt"
	"math"
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
	text := fmt.Sprintf("%s%d", sign, n/1e9)
	if frac := n % 1e9; frac != 0 {
		digits := fmt.Sprintf(".%09d", frac)
		for digits[len(digits)-1] == '0' {
			digits = digits[:len(digits)-1]
		}
		text += digits
	}
	return []byte(text), nil
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
