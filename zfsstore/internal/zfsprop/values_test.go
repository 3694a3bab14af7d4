package zfsprop

import "testing"

func TestSizes(t *testing.T) {
	for text, want := range map[string]uint64{"0": 0, "10m": 10 << 20, "1.5G": 3 << 29, "64KiB": 64 << 10, "2TB": 2 << 40, "7": 7, "3B": 3} {
		if got, ok := ParseSize(text); !ok || got != want {
			t.Errorf("%q is %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "M", "1X", "-1", "1KK", "1e400", "99999999999E", "lots", "NaN"} {
		if got, ok := ParseSize(text); ok {
			t.Errorf("%q was read as %d", text, got)
		}
	}
}
