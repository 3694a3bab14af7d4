package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
)

func TestParseRestartPolicy(t *testing.T) {
	for text, want := range map[string]config.RestartPolicy{
		"":                                  {When: config.RestartNever, Backoff: time.Second, Max: 5 * time.Minute, Tries: 10},
		"none":                              {When: config.RestartNever, Backoff: time.Second, Max: 5 * time.Minute, Tries: 10},
		"always":                            {When: config.RestartAlways, Backoff: time.Second, Max: 5 * time.Minute, Tries: 10},
		"failure backoff=10 max=5s tries=2": {When: config.RestartFailure, Backoff: 10 * time.Second, Max: 10 * time.Second, Tries: 2},
	} {
		p, err := config.ParseRestartPolicy(text)
		require.NoError(t, err, text)
		require.Equal(t, want, p, text)
	}
	for _, text := range []string{"yes", "always tries=0", "always tries=x", "always backoff=0", "always max=", "always max=2d", "always often"} {
		_, err := config.ParseRestartPolicy(text)
		require.ErrorIs(t, err, config.ErrInvalidValue, text)
	}
}

// TestTriesOfAPolicy: the bounds themselves.
func TestTriesOfAPolicy(t *testing.T) {
	for text, want := range map[string]int{"always tries=1": 1, "always tries=1000000": 1_000_000} {
		p, err := config.ParseRestartPolicy(text)
		require.NoError(t, err)
		require.Equal(t, want, p.Tries)
	}
	for _, text := range []string{"always tries=0", "always tries=1000001"} {
		_, err := config.ParseRestartPolicy(text)
		require.ErrorContains(t, err, "not 1 to 1000000")
	}
}

// TestRestartDelay: no test noticed when the pause did not grow.
func TestRestartDelay(t *testing.T) {
	p := config.RestartPolicy{Backoff: time.Second, Max: 10 * time.Second}
	var delays []time.Duration
	for try := range 7 {
		delays = append(delays, p.Delay(try)/time.Second)
	}
	require.Equal(t, []time.Duration{1, 2, 4, 8, 10, 10, 10}, delays)
	p = config.RestartPolicy{Backoff: time.Second, Max: time.Second}
	require.Equal(t, time.Second, p.Delay(1_000_000))
}
