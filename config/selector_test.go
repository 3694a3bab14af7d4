package config

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestTerms(t *testing.T) {
	jail := map[string][]string{
		"name": {"web01"}, "source": {"ioc"}, "running": {"yes"}, "boot": {"0"}, "template": {}, "release": {"13.2-RELEASE"}, "tags": {"front", "a b"},
		"user.owner": {"Ann, Bob"}, "host_hostuuid": {"0d3ef814-1339-4b7e-bb0e-c10cff5bf514"}, "bracket": {"a[1]"}, "bar": {"x|y"},
	}
	lookup := func(key string) ([]string, bool) { v, ok := jail[key]; return v, ok }
	for text, want := range map[string]bool{
		"": true, "none": true, "-": true, "web01": true, "web02": false, "web*": true, "web+": true, "web01+": false, "web01*": true, "*": true, "db,web01": true,
		"ioc/web01": true, "other/web01": false, "i*/web*": true, "other/x,ioc/web01": true, "web01 running=yes": true, "web01 running=no": false,
		"running=1": true, "running=true": true, "boot=no": true, "boot=off": true, "template=no,-": true, "template=-": true, "template=yes": false,
		"release=13.*": true, "release=13": false, "tags=front": true, "tags=back": false, `tags=a\ b`: true, `user.owner=Ann\,\ Bob`: true, "user.none=x": false,
		"host_hostuuid=0d3ef814": true, "bracket=a[1]": true, "bracket=a1": false, "bracket=*[1]": true, "bar=x|z": false, "bar=x|*": true, "name=web01": true,
		"running=y*": true, `release=13.2-RELEASE\*`: false,
	} {
		terms, err := ParseTerms(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := terms.Match(lookup); got != want {
			t.Errorf("%q matches: %v", text, got)
		}
		again, err := ParseTerms(terms.String())
		if err != nil || again.String() != terms.String() || again.Match(lookup) != want {
			t.Errorf("%q is written as %q, which reads as %v, %v", text, terms, again, err)
		}
	}
	for _, text := range []string{"a@b", "-x", "name=", "-bad/x", "a--b/x", "=x", "/x", "name=a/b/c"} {
		if terms, err := ParseTerms(text); !errors.Is(err, ErrInvalidName) && !errors.Is(err, ErrInvalidValue) {
			t.Errorf("%q: %v, %v", text, terms, err)
		}
	}
}

func TestTermsOnUUIDs(t *testing.T) {
	terms, err := ParseTerms("0d3ef814")
	if err != nil || !matches(terms, "ioc", "0d3ef814-1339-4b7e-bb0e-c10cff5bf514") || matches(terms, "ioc", "1d3ef814-1339-4b7e-bb0e-c10cff5bf514") {
		t.Errorf("short form: %v, %v", terms, err)
	}
}

func TestTermsLinear(t *testing.T) {
	terms, err := ParseTerms(strings.Repeat("*a", 40) + "b")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	matches(terms, "ioc", strings.Repeat("a", 2000))
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("backtracking: %v", d)
	}
}

// matches reports whether terms select a jail of which only the name and source
// are known.
func matches(terms Terms, source, name string) bool {
	return terms.Match(func(key string) ([]string, bool) {
		value, ok := map[string]string{"name": name, "source": source}[key]
		return []string{value}, ok
	})
}
