package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
)

func texts(list []config.Forward) string {
	var out []string
	for _, f := range list {
		out = append(out, f.String())
	}
	return strings.Join(out, ",")
}

func TestForwards(t *testing.T) {
	for text, want := range map[string]string{
		"80": "80:80/tcp", "8080:80": "8080:80/tcp", "53/udp": "53:53/udp", "3000-3010:4000/both@em0": "3000-3010:4000/both@em0",
		"198.51.100.1:8080:80": "198.51.100.1:8080:80/tcp", "[2001:db8::1]:8080:80/tcp": "[2001:db8::1]:8080:80/tcp", "none": "",
	} {
		list, err := config.ParseForwards(text)
		require.NoError(t, err, text)
		require.Equal(t, want, texts(list), text)
		again, err := config.ParseForwards(texts(list))
		require.NoError(t, err)
		require.Equal(t, list, again)
	}
	for _, bad := range []string{"0", "70000", "80:", "80-70", "80:65535-", "a", "80/icmp", "1.2.3.4", "1.2.3.4:", "[::1:80", "80@e m", "60000-61000:65000", ",", "80@x\"y"} {
		_, err := config.ParseForwards(bad)
		require.Error(t, err, bad)
	}
}

func FuzzParseForwards(f *testing.F) {
	for _, seed := range []string{"80", "8080:80/udp@em0", "[2001:db8::1]:1-2:3", "1.2.3.4:5:6/both"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := config.ParseForwards(text)
		if err != nil {
			return
		}
		again, err := config.ParseForwards(texts(list))
		require.NoError(t, err, "%q gave %q", text, texts(list))
		require.Equal(t, list, again)
	})
}

// TestForwardsThatClash: the same port of the same address and protocol, in any range.
func TestForwardsThatClash(t *testing.T) {
	parse := func(text string) config.Forward {
		list, err := config.ParseForwards(text)
		require.NoError(t, err, text)
		return list[0]
	}
	for _, v := range []struct {
		a, b string
		is   bool
	}{
		{"80", "80:81", true}, {"80", "81", false}, {"80/tcp", "80/udp", false}, {"80/both", "80/udp", true}, {"80/udp", "80/both", true},
		{"80-90:80", "90-99:90", true}, {"80-90:80", "91-99:91", false}, {"91-99:91", "80-90:80", false}, {"85", "80-90:80", true},
		{"192.0.2.1:80", "192.0.2.2:80", false}, {"192.0.2.1:80", "192.0.2.1:80:81", true}, {"80@em0", "80@em1", false}, {"80@em0", "80@em0", true},
	} {
		require.Equal(t, v.is, parse(v.a).Clashes(parse(v.b)), "%s and %s", v.a, v.b)
		require.Equal(t, v.is, parse(v.b).Clashes(parse(v.a)), "%s and %s", v.b, v.a)
	}
}
