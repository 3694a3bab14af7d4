package config

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// fixedPoint: what loads is written back as it was, and after a change and its
// undoing every key has its text.
func fixedPoint(t *testing.T, data []byte, format Format) {
	c, err := Parse(data, format)
	if err != nil {
		return
	}
	c.Problems()
	c.Migrate(MigrateOptions{Pool: "p"})
	e := Effective{Own: c, Defaults: c}
	for _, key := range e.Keys() {
		_, _ = e.Text(key)
	}
	e.Limits()
	same, err := c.Encode()
	if err != nil || string(same) != string(data) {
		t.Fatalf("no change: %q, %v", same, err)
	}
	d := c.Clone()
	if d.Set("user.fuzz", "x") != nil || c.Has("user.fuzz") {
		return // the file has a value where the key would go
	}
	text, err := d.Encode()
	if err != nil {
		t.Fatalf("%q: %v", data, err)
	}
	back, err := Parse(text, format)
	if err != nil {
		t.Fatalf("%q -> %q: %v", data, text, err)
	}
	if len(back.Keys()) != len(c.Keys())+1 {
		t.Fatalf("%q -> %q: %d keys, were %d", data, text, len(back.Keys()), len(c.Keys()))
	}
	for _, key := range c.Keys() {
		want, got := c.entries[c.index[key]], back.entries[back.index[key]]
		if want.text != got.text || want.kind != got.kind || !reflect.DeepEqual(want.list, got.list) {
			t.Fatalf("%q -> %q: %s was %+v, is %+v", data, text, key, want, got)
		}
	}
	back.Unset("user.fuzz")
	again, err := back.Encode()
	if err != nil {
		t.Fatal(err)
	}
	end, err := Parse(again, format)
	if err != nil || len(end.Keys()) != len(c.Keys()) {
		t.Fatalf("%q -> %q: %v", text, again, err)
	}
	third, err := end.Encode()
	if err != nil || string(third) != string(again) {
		t.Fatalf("save of %q is %q, %v", again, third, err)
	}
	for _, to := range []Format{JSON, UCL} {
		n, _, err := c.Convert(to)
		if err != nil {
			continue // two keys that run through one another
		}
		text, err := n.Encode()
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(text, to)
		if err != nil {
			t.Fatalf("%q as %s %q: %v", data, to, text, err)
		}
		for _, key := range c.Keys() {
			v, _, verr := c.value(key)
			w, _, werr := m.value(key)
			if (verr == nil) != (werr == nil) || verr == nil && fmt.Sprint(v) != fmt.Sprint(w) {
				t.Fatalf("%q as %s %q: %s was %v (%v), is %v (%v)", data, to, text, key, v, verr, w, werr)
			}
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{"", "null", `{"a": 1, "user": {"b": [1, "x", null], "c": {}}, "boot": true, "a": "\u00fc\ud800"}`, "{\n \"ip4_addr\": \"em0|192.0.2.1/24\"\n}\n",
		`{"a.b": 1, "a": {"b": 2}}`, `{"memoryuse": "off", "zz": [{"a": 1}], "": 1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fixedPoint(t, data, JSON) })
}

func FuzzUCL(f *testing.F) {
	for _, s := range []string{"", "boot = on\n", "# c\nid=\"a\";\nuser { b = 1 }\n", "zz = [1, {a = b}]\nboot = 1\nboot = 2\n", "a = ;\nb = null", "a.b = 1\na { b = 2 }"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fixedPoint(t, data, UCL) })
}

// canonical: what is accepted is written as a text that means the same and is
// written as itself.
func canonical(t *testing.T, key, text string) {
	p, ok := Lookup(key)
	if !ok {
		t.Fatal(key)
	}
	v, err := parseValue(p, text)
	if err != nil {
		return
	}
	_ = checkValue(v)
	for _, store := range []Format{JSON, UCL, ZFS} {
		now := formatValue(p, v, store)
		w, err := parseValue(p, now)
		if err != nil {
			t.Fatalf("%s=%q is written as %q, which is refused: %v", key, text, now, err)
		}
		if again := formatValue(p, w, store); again != now {
			t.Fatalf("%s=%q is written as %q, then as %q", key, text, now, again)
		}
	}
}

func FuzzAddresses(f *testing.F) {
	for _, s := range []string{"em0|192.0.2.5/24,vnet0|dhcp", "192.0.2.5/255.255.255.0", "em0|fe80::1%em0/64", "vnet0|accept_rtadv", "em0|192.0.2.1/32 vhid 3 pass x", "DEFAULT|::ffff:1.2.3.4", "vnet0:bridge0 vnet1::b",
		"192.0.2.1@vnet0", "fe80::1%vnet0", "nameserver 192.0.2.1;search a", "aabbccddeeff,02-00-00-00-00-01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, key := range []string{"ip4_addr", "ip6_addr", "interfaces", "defaultrouter", "defaultrouter6", "resolver", "vnet0_mac", "mac_prefix", "cpuset", "tags", "login_flags", "devfs_ruleset"} {
			canonical(t, key, text)
		}
	})
}

func FuzzLimits(f *testing.F) {
	for _, s := range []string{"128M", "deny=128M/jail", "128M:deny", "off", "None=None/None", "log=1G/process deny=2G", "sigterm=10/user;throttle=5k"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range resources {
			canonical(t, r.name, text)
		}
	})
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"web01", "a-b", "Grönke", "a@b", "0d3ef814-1339-4b7e-bb0e-c10cff5bf514", "a\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if ValidName(name) != nil {
			return
		}
		if strings.ContainsAny(name, "/@ \t\n\x00:|*+\\\"'") || name == "." || name == ".." {
			t.Fatalf("%q could leave its directory, a ZFS name or a selector", name)
		}
		terms, err := ParseTerms("name=" + strings.NewReplacer(",", `\,`).Replace(name))
		if err != nil || !matches(terms, "ioc", name) {
			t.Fatalf("%q does not select itself: %v, %v", name, terms, err)
		}
		canonical(t, "id", name)
		if short := HumanReadableName(name); !strings.HasPrefix(name, short) {
			t.Fatalf("%q is shown as %q", name, short)
		}
	})
}

func FuzzSelectors(f *testing.F) {
	for _, s := range []string{"web*", "a,b tags=x", "ioc/web+ running=yes", `user.a=x\,y\ z`, "template=no,-", `k\=v=\*`, "name=none"} {
		f.Add(s, "web01")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		terms, err := ParseTerms(text)
		if err != nil {
			return
		}
		lookup := func(string) ([]string, bool) { return []string{value}, true }
		again, err := ParseTerms(terms.String())
		if err != nil || again.String() != terms.String() || again.Match(lookup) != terms.Match(lookup) {
			t.Fatalf("%q is written as %q, which reads as %q, %v", text, terms, again, err)
		}
		canonical(t, "depends", text)
	})
}
