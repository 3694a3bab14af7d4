package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
)

func TestParseDuration(t *testing.T) {
	for _, tc := range []struct {
		text string
		want time.Duration
		says string
	}{
		{"90", 90 * time.Second, ""},
		{"1.5s", 1500 * time.Millisecond, ""},
		{"24h", 24 * time.Hour, ""},
		{"", 0, "not a duration"},
		{"soon", 0, "not a duration"},
		{"0", 0, "not between"},
		{"-1s", 0, "not between"},
		{"25h", 0, "not between"},
		{"86401", 0, "more than 24h"},
	} {
		got, err := config.ParseDuration(tc.text)
		if tc.says != "" {
			require.ErrorContains(t, err, tc.says, tc.text)
			continue
		}
		require.NoError(t, err, tc.text)
		require.Equal(t, tc.want, got, tc.text)
	}
}
