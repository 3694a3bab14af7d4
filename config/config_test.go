package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func parse(t testing.TB, text string) *Config {
	t.Helper()
	c, err := Parse([]byte(text), JSON)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestLibiocFailures are inputs that libioc refuses to load, crashes on, or
// loads with a wrong meaning. Here each loads without a problem.
func TestLibiocFailures(t *testing.T) {
	for _, tt := range []struct{ name, json, key, want string }{
		{"thin jail whose host_hostuuid is its name", `{"host_hostuuid": "web01", "release": "13.2-RELEASE"}`, "host_hostuuid", "none"},
		{"thin jail with a UUID", `{"host_hostuuid": "0d3ef814-1339-4b7e-bb0e-c10cff5bf514"}`, "host_hostuuid", "0d3ef814-1339-4b7e-bb0e-c10cff5bf514"},
		{"boot as number", `{"boot": 1}`, "boot", "yes"},
		{"jail_zfs as number", `{"jail_zfs": 0}`, "jail_zfs", "no"},
		{"hostid_strict_check as number", `{"hostid_strict_check": 0}`, "hostid_strict_check", "no"},
		{"allow_vmm as number", `{"allow_vmm": 1}`, "allow_vmm", "1"},
		{"template as number", `{"template": 1}`, "template", "yes"},
		{"vnet as number", `{"vnet": 1}`, "vnet", "yes"},
		{"mount_devfs as null", `{"mount_devfs": null}`, "mount_devfs", "yes"},
		{"exec_clean as number", `{"exec_clean": 0}`, "exec_clean", "0"},
		{"defaultrouter auto", `{"defaultrouter": "auto"}`, "defaultrouter", "auto"},
		{"defaultrouter6 auto", `{"defaultrouter6": "auto"}`, "defaultrouter6", "auto"},
		{"ip4_addr without nic", `{"ip4_addr": "192.0.2.5/24"}`, "ip4_addr", "192.0.2.5/24"},
		{"memoryuse off", `{"memoryuse": "off"}`, "memoryuse", "off"},
		{"memoryuse as libioc read it from legacy", `{"memoryuse": "False:deny"}`, "memoryuse", "off"},
		{"unset limit as libioc writes it", `{"memoryuse": "None=None/None"}`, "memoryuse", "off"},
		{"keys of iocage", `{"CONFIG_VERSION": "34", "dhcp": 0, "bpf": 1, "last_started": "none", "cpuset": "off", "comment": "x", "nat": 0, "count": "1", "notes": "n", "owner": "root", "host_time": 1, "plugin_name": "none"}`, "bpf", "1"},
		{"blank between link addresses", `{"vnet0_mac": "02ff60000001 02ff60000002"}`, "vnet0_mac", "02:ff:60:00:00:01,02:ff:60:00:00:02"},
		{"host_domainname none", `{"host_domainname": "none"}`, "host_domainname", "none"},
		{"priority as libioc writes 1", `{"priority": "yes"}`, "priority", "1"},
		{"exec_timeout 1", `{"exec_timeout": "1"}`, "exec_timeout", "1"},
		{"host_hostname on", `{"host_hostname": "on"}`, "host_hostname", "on"},
		{"two servers as libioc saves them", `{"resolver": "192.0.2.1,192.0.2.2"}`, "resolver", "192.0.2.1;192.0.2.2"},
		{"orphaned link addresses", `{"vnet7_mac": "02ff60000001,02ff60000002"}`, "vnet7_mac", "02:ff:60:00:00:01,02:ff:60:00:00:02"},
		{"parameter libioc does not know", `{"allow_read_msgbuf": "1"}`, "allow_read_msgbuf", "1"},
		{"null for a whole file", `null`, "boot", "no"},
		{"empty file", ``, "boot", "no"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := parse(t, tt.json)
			if err := c.Validate(); err != nil {
				t.Errorf("strict mode: %v", err)
			}
			got, err := Effective{Own: c}.Text(tt.key)
			if err != nil || got != tt.want {
				t.Errorf("%s counts as %q, %v; want %q", tt.key, got, err, tt.want)
			}
			if data, err := c.Encode(); err != nil || string(data) != tt.json {
				t.Errorf("saved as %q, %v", data, err)
			}
		})
	}
	// The rest of the table: all keys of legacy and of a THICK iocage jail.
	for _, dir := range []string{"legacy-zfs", "legacy-ucl", "iocage-thick", "iocage-defaults"} {
		c, _, err := load(t, filepath.Join("testdata/corpus", dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range c.Problems() {
			if p.Key != "interfaces" { // a nic without a bridge in legacy-ucl
				t.Errorf("%s: %v", dir, p)
			}
		}
	}
}

func TestSetAndSave(t *testing.T) {
	c := New()
	for _, kv := range [][2]string{{"release", "13.2-RELEASE"}, {"id", "web01"}, {"vnet", "on"}, {"allow_raw_sockets", "yes"}, {"user.comment", "hüllo"}, {"provision.method", "puppet"},
		{"ip4_addr", "em0|192.0.2.10/24"}, {"mount_devfs", "0"}, {"memoryuse", "128M"}, {"defaultrouter", "none"}} {
		if err := c.Set(kv[0], kv[1]); err != nil {
			t.Fatal(err)
		}
	}
	const want = `{
    "allow_raw_sockets": "1",
    "defaultrouter": "none",
    "id": "web01",
    "ip4_addr": "em0|192.0.2.10/24",
    "memoryuse": "deny=128M",
    "mount_devfs": "no",
    "provision": {
        "method": "puppet"
    },
    "release": "13.2-RELEASE",
    "user": {
        "comment": "h\u00fcllo"
    },
    "vnet": "yes"
}`
	dir := t.TempDir()
	if err := c.Save(dir); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil || string(data) != want {
		t.Errorf("saved %s\n%v", data, err)
	}
	if c.Changed() || c.Path() == "" {
		t.Errorf("after the save: changed %v, path %q", c.Changed(), c.Path())
	}
	back, err := ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := storedText(back, "user.comment"); !ok || v != "hüllo" {
		t.Errorf("read back %q", v)
	}
	if err := back.Validate(); err != nil {
		t.Error(err)
	}
}

func TestSetKeepsEqualSpelling(t *testing.T) {
	const text = `{"boot": 1, "memoryuse": "8G:log", "ip4_addr": "em0|192.0.2.5", "depends": "a b"}`
	c := parse(t, text)
	for key, value := range map[string]string{"boot": "yes", "memoryuse": "log=8G", "ip4_addr": "em0|192.0.2.5/32", "depends": "a,b"} {
		if err := c.Set(key, value); err != nil {
			t.Fatal(err)
		}
	}
	if data, _ := c.Encode(); string(data) != text || c.Changed() {
		t.Errorf("an equal value was written: %s", data)
	}
}

func TestSetErrors(t *testing.T) {
	c := parse(t, `{"user": {"a": "1"}, "zz": "1"}`)
	for _, tt := range []struct {
		key, text string
		want      error
	}{
		{"nope", "1", ErrUnknownProperty}, {"legacy", "yes", ErrUnknownProperty}, {"user", "x", ErrUnknownProperty}, {"boot", "maybe", ErrInvalidValue}, {"id", "-", nil},
		{"name", "a b", ErrInvalidName}, {"user.a.b", "x", ErrInvalidValue}, {"user..b", "x", ErrInvalidValue}, {"host_hostname", "a\nb", ErrInvalidValue}, {"exec_start", "a\x00", ErrInvalidValue},
	} {
		err := c.Set(tt.key, tt.text)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s=%q: %v, want %v", tt.key, tt.text, err, tt.want)
		}
		var perr *PropertyError
		if tt.want != nil && (!errors.As(err, &perr) || perr.Key != tt.key) {
			t.Errorf("%s=%q: %#v", tt.key, tt.text, err)
		}
	}
	if err := c.SetRaw("zz.a", "x"); !errors.Is(err, ErrInvalidValue) {
		t.Errorf("through a value: %v", err)
	}
	if err := c.SetRaw("unknown.key", "on"); err != nil {
		t.Fatal(err)
	}
	if v, ok := c.Raw("unknown.key"); !ok || v != "on" {
		t.Errorf("raw %q", v)
	}
}

func TestAliases(t *testing.T) {
	c := parse(t, `{"istemplate": "yes", "template": "-", "hostname": "h", "tag": "old", "tags": "x,y", "type": "basejail"}`)
	for key, want := range map[string]string{"template": "yes", "host_hostname": "h", "tags": "x,y,old", "tag": "old"} {
		if got, ok := storedText(c, key); !ok || got != want {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
	if err := c.Set("template", "no"); err != nil {
		t.Fatal(err)
	}
	if c.Has("istemplate") && c.entries[c.index["template"]].text != "no" {
		t.Error("two spellings of one property")
	}
	if err := c.Set("tag", "new"); err != nil {
		t.Fatal(err)
	}
	if got, _ := storedText(c, "tags"); got != "new,x,y,old" {
		t.Errorf("tags %q", got)
	}
	if err := c.Set("type", "jail"); err != nil {
		t.Fatal(err)
	}
	if NewKey[bool]("basejail").Of((Effective{Own: c})) {
		t.Error("type=jail leaves a basejail")
	}
	if err := c.Set("type", "clonejail"); err != nil {
		t.Fatal(err)
	}
	if got, _ := storedText(c, "type"); got != "clonejail" {
		t.Errorf("type %q", got)
	}
	if err := c.Set("uuid", "web02"); err != nil {
		t.Fatal(err)
	}
	if got, _ := storedText(c, "id"); got != "web02" {
		t.Errorf("id %q", got)
	}
	if !c.Unset("name") || c.Has("id") || c.Unset("id") {
		t.Error("unset through an alias")
	}
}

func TestSeveralLimits(t *testing.T) {
	c := New()
	if err := c.Set("memoryuse", "log=800M deny=1G"); err != nil {
		t.Fatal(err)
	}
	raw, _ := c.Raw("memoryuse")
	list, _ := c.Raw("user.rctl.memoryuse")
	if raw != "deny=1G" || list != "log=800M deny=1G" {
		t.Errorf("stored %q and %q", raw, list)
	}
	if got := (Effective{Own: c}).Limits().String(); got != "log=800M deny=1G" {
		t.Errorf("counts as %q", got)
	}
	// Another program changed the one rule that it knows.
	if err := c.SetRaw("memoryuse", "deny=2G"); err != nil {
		t.Fatal(err)
	}
	if got := (Effective{Own: c}).Limits().String(); got != "deny=2G" {
		t.Errorf("after libioc: %q", got)
	}
	if err := c.Set("memoryuse", "1G"); err != nil {
		t.Fatal(err)
	}
	if c.Has("user.rctl.memoryuse") {
		t.Error("the list outlived its rule")
	}
	c.Unset("memoryuse")
	if len(c.Keys()) != 0 {
		t.Errorf("left: %v", c.Keys())
	}
}

func TestEffective(t *testing.T) {
	defaults := parse(t, `{"boot": 1, "securelevel": "1", "tags": "d", "host_domainname": "example.org", "id": "never", "memoryuse": "deny=8G", "defaultrouter": "192.0.2.1", "exec_prestart": "/x", "priority": "junk", "user": {"a": "1"}, "vnet0_mac": "020000000001,020000000002"}`)
	own := parse(t, `{"securelevel": "junk", "memoryuse": "off", "defaultrouter": "none", "exec_prestart": "none"}`)
	e := Effective{Own: own, Defaults: defaults}
	if !NewKey[bool]("boot").Of(e) || NewKey[int]("securelevel").Of(e) != 1 || NewKey[int]("priority").Of(e) != 0 || NewKey[string]("host_domainname").Of(e) != "example.org" || NewKey[string]("user.a").Of(e) != "1" {
		t.Errorf("inherited: %v %v %v %v", NewKey[bool]("boot").Of(e), NewKey[int]("securelevel").Of(e), NewKey[int]("priority").Of(e), NewKey[string]("host_domainname").Of(e))
	}
	if NewKey[[]string]("tags").Of(e) != nil || NewKey[string]("id").Of(e) != "" {
		t.Errorf("identity is inherited: %v %q", NewKey[[]string]("tags").Of(e), NewKey[string]("id").Of(e))
	}
	if _, ok := NewKey[MACPair]("vnet0" + "_mac").Lookup(e); ok {
		t.Error("link addresses are inherited")
	}
	if _, ok := NewKey[Gateway]("defaultrouter").Lookup(e); ok || e.Limits() != nil || NewKey[string]("exec_prestart").Of(e) != "" {
		t.Error("an own none does not end the search")
	}
	if NewKey[string]("exec_start").Of(e) != "/bin/sh /etc/rc" || NewKey[time.Duration]("exec_timeout").Of(e).Seconds() != 600 || NewKey[int]("exec_fib").Of(e) != 0 {
		t.Error("schema defaults")
	}
	if r, ok := NewKey[Ruleset]("devfs_ruleset").Lookup(e); !ok || r.Number != 4 {
		t.Errorf("ruleset %v", r)
	}
	if j, ok := NewKey[Jailsys]("sysvmsg").Lookup(e); !ok || j != JailsysNew {
		t.Errorf("sysvmsg %v", j)
	}
	if _, set := NewKey[bool]("rlimits").Lookup(e); set {
		t.Error("rlimits is not automatic")
	}
	if _, err := e.value("nope"); !errors.Is(err, ErrUnknownProperty) {
		t.Errorf("unknown: %v", err)
	}
	if keys := e.Keys(); !slices.IsSorted(keys) || !slices.Contains(keys, "user.a") || !slices.Contains(keys, "boot") {
		t.Errorf("keys %v", keys)
	}
	if !e.IsSet("boot") || e.IsSet("cpuset") || !e.IsSet("memoryuse") {
		t.Error("IsSet")
	}
	if !NewKey[bool]("allow_suser").Of(e) || NewKey[bool]("allow_read_msgbuf").Of(e) || NewKey[int]("vnet0"+"_mtu").Of(e) != 0 || NewKey[Resolver]("resolver").Of(e).Mode != ResolverCopy {
		t.Error("kernel's defaults")
	}
}

// TestMountPermissions: allow_mount and enforce_statfs follow allow_mount_*.
func TestMountPermissions(t *testing.T) {
	for _, tt := range []struct {
		json   string
		mount  bool
		statfs int
		zfs    bool
	}{
		{`{}`, false, 2, false},
		{`{"allow_mount_tmpfs": "1"}`, true, 1, false},
		{`{"allow_mount_tmpfs": "0"}`, false, 2, false},
		{`{"allow_mount_tmpfs": 1, "allow_mount": 0}`, false, 1, false},
		{`{"allow_mount_tmpfs": 1, "enforce_statfs": "2"}`, true, 2, false},
		{`{"allow_mount_tmpfs": 1, "enforce_statfs": "0"}`, true, 0, false},
		{`{"jail_zfs": "yes"}`, true, 1, true},
		{`{"jail_zfs": 1, "allow_mount": 0, "allow_mount_zfs": 0, "enforce_statfs": "2"}`, true, 1, true},
		{`{"jail_zfs": 1, "enforce_statfs": "0"}`, true, 0, true},
		{`{"allow_mount_newfs": 1}`, true, 1, false},
	} {
		e := Effective{Own: parse(t, tt.json), Defaults: parse(t, `{"enforce_statfs": "2", "allow_mount": 0}`)}
		if NewKey[bool]("allow_mount").Of(e) != tt.mount || NewKey[int]("enforce_statfs").Of(e) != tt.statfs || NewKey[bool]("allow_mount_zfs").Of(e) != tt.zfs {
			t.Errorf("%s: allow_mount %v, enforce_statfs %d, allow_mount_zfs %v", tt.json, NewKey[bool]("allow_mount").Of(e), NewKey[int]("enforce_statfs").Of(e), NewKey[bool]("allow_mount_zfs").Of(e))
		}
	}
}

func TestResolverNone(t *testing.T) {
	for text, want := range map[string]ResolverMode{
		`{"id": "a", "resolver": "none"}`: ResolverSkip, `{"host_hostuuid": "a", "resolver": "none"}`: ResolverCopy,
		`{"hack88": "0", "resolver": "none"}`: ResolverCopy, `{"host_hostuuid": "a", "resolver": "/dev/null"}`: ResolverSkip,
	} {
		if got := NewKey[Resolver]("resolver").Of((Effective{Own: parse(t, text)})).Mode; got != want {
			t.Errorf("%s: mode %d, want %d", text, got, want)
		}
	}
}

func TestMalformed(t *testing.T) {
	for text, want := range map[string]string{
		"{": "1:2", "[1]": "1:1", "7": "1:1", `{"a": 1,}`: "1:9", "{\n \"a\" 1}": "2:6", `{"a": 01}`: "1:8", `{"a": tru}`: "1:10", `{"a": "x`: "1:9", "{\"a\": \"\t\"}": "1:8",
		`{"a": "\q"}`: "1:9", `{"a": "\u12"}`: "1:12", `{} x`: "1:4", `{"a": 1.}`: "1:9", `{"a": -}`: "1:8", `{"a": [1 2]}`: "1:10", `{a: 1}`: "1:2",
		strings.Repeat("[", 100) + strings.Repeat("]", 100): "1:66", strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100): "1:326",
		strings.Repeat("[", 100000): "1:10001", strings.Repeat(`{"a":`, 100000): "1:50001",
	} {
		_, err := Parse([]byte(text), JSON)
		var syntax *SyntaxError
		if !errors.Is(err, ErrMalformed) || !errors.As(err, &syntax) {
			t.Errorf("%.20q: %v", text, err)
			continue
		}
		if got := fmt.Sprintf("%d:%d", syntax.Line, syntax.Column); got != want {
			t.Errorf("%.20q: at %s, want %s (%s)", text, got, want, syntax.Reason)
		}
	}
	if _, err := Parse(nil, ZFS); !errors.Is(err, ErrNotStorable) {
		t.Errorf("ZFS text: %v", err)
	}
}

func TestDetection(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ReadDir(dir); !errors.Is(err, ErrNoConfig) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("reading created %v", entries)
	}
	for _, step := range []struct{ file, text, want string }{
		{".default", "boot = on;\n", ".default"}, {"defaults", "boot = off;\n", "defaults"}, {"defaults.json", "{}", "defaults.json"},
	} {
		write(step.file, step.text)
		c, err := ReadDefaults(dir)
		if err != nil || filepath.Base(c.Path()) != step.want {
			t.Errorf("with %s: %v", step.file, err)
		}
	}
	write("config", "boot = on;\n")
	if c, err := ReadDir(dir); err != nil || c.Format() != UCL {
		t.Errorf("UCL: %v", err)
	}
	write("config.json", "{")
	// A broken config.json is an error, not a reason to look further.
	var syntax *SyntaxError
	if _, err := ReadDir(dir); !errors.As(err, &syntax) || filepath.Base(syntax.Path) != "config.json" {
		t.Errorf("broken JSON: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "config.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("config", filepath.Join(dir, "config.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadDir(dir); !errors.Is(err, ErrNotRegular) {
		t.Errorf("symbolic link: %v", err)
	}
	if err := New().Save(dir); !errors.Is(err, ErrNotRegular) {
		t.Errorf("save to a symbolic link: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "big.json"), make([]byte, maxSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(filepath.Join(dir, "big.json")); !errors.Is(err, ErrMalformed) {
		t.Errorf("big file: %v", err)
	}
}

func TestProperties(t *testing.T) {
	c := FromProperties(map[string]string{"org.freebsd.iocage:boot": "on", "org.freebsd.iocage:zz": "x", "mountpoint": "/x", "org.other:boot": "off"})
	if got := c.Keys(); !slices.Equal(got, []string{"boot", "zz"}) {
		t.Errorf("keys %v", got)
	}
	c.Unset("zz")
	if err := c.Set("mount_devfs", "yes"); err != nil {
		t.Fatal(err)
	}
	if err := c.Set("template", "1"); err != nil {
		t.Fatal(err)
	}
	set, unset, err := c.PropertyChanges()
	if err != nil || fmt.Sprint(set) != "map[org.freebsd.iocage:mount_devfs:1 org.freebsd.iocage:template:yes]" || fmt.Sprint(unset) != "[org.freebsd.iocage:zz]" {
		t.Errorf("set %v, unset %v, %v", set, unset, err)
	}
	for key, value := range map[string]string{"UPPER": "x", "line": "a\nb", "long": strings.Repeat("x", 8192), strings.Repeat("k", 240): "x"} {
		d := New()
		if err := d.SetRaw(key, value); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Properties(); !errors.Is(err, ErrNotStorable) {
			t.Errorf("%.10s: %v", key, err)
		}
		if _, err := c.Encode(); !errors.Is(err, ErrNotStorable) {
			t.Errorf("text of properties: %v", err)
		}
	}
}

func TestReplaceIn(t *testing.T) {
	dir := t.TempDir()
	const text = "# note\nid = \"a\";\nboot = on\n"
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	d, changes, err := c.Convert(JSON)
	if err != nil || len(changes) != 1 || changes[0].Key != "boot" || changes[0].New != "yes" {
		t.Fatalf("%v, %v", changes, err)
	}
	if err := d.ReplaceIn(dir); err != nil {
		t.Fatal(err)
	}
	back, err := ReadDir(dir)
	if err != nil || back.Format() != JSON {
		t.Fatalf("%v", err)
	}
	if v, _ := NewKey[bool]("boot").In(back); !v {
		t.Errorf("boot %v", v)
	}
	// The comment cannot follow into JSON, so the old file stays.
	if old, err := os.ReadFile(filepath.Join(dir, "config.old")); err != nil || string(old) != text {
		t.Errorf("old file %q, %v", old, err)
	}
	props, _, err := back.Convert(ZFS)
	if err != nil {
		t.Fatal(err)
	}
	if err := props.ReplaceIn(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadDir(dir); !errors.Is(err, ErrNoConfig) {
		t.Errorf("after the move to properties: %v", err)
	}
}

// TestConvertRefusesLoss: bytes that JSON cannot hold are not replaced.
func TestConvertRefusesLoss(t *testing.T) {
	for _, tt := range []struct{ name, src, key string }{
		{"bare value", "# c\xbf\nuser { b =\xbf1 }\n", "user.b"},
		{"quoted value", "boot = on;\nnotes = \"gr\xfcn\";\n", "notes"},
		{"list", "zz = [a, \"\xff\"]\n", "zz"},
		{"repeated key", "zz = a\nzz = \xff\n", "zz"},
		{"key", "\xffz = null\n", "\xffz"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse([]byte(tt.src), UCL)
			if err != nil {
				t.Fatal(err)
			}
			var perr *PropertyError
			if d, _, err := c.Convert(JSON); !errors.Is(err, ErrNotStorable) || !errors.As(err, &perr) || perr.Key != tt.key {
				t.Errorf("to JSON: %v, %v", d, err)
			}
			d, _, err := c.Convert(ZFS)
			if tt.name == "key" {
				if !errors.Is(err, ErrNotStorable) {
					t.Errorf("key to ZFS: %v", err)
				}
			} else if err != nil {
				t.Errorf("to ZFS: %v", err)
			} else {
				sameValues(t, "zfs", c, d)
			}
		})
	}
	c := New()
	if err := c.SetRaw("zz", "\xff"); err != nil {
		t.Fatal(err)
	}
	if data, err := c.Encode(); !errors.Is(err, ErrNotStorable) {
		t.Errorf("encoded as %q, %v", data, err)
	}
	// What a file has is kept as it is, even if it is not UTF-8.
	const text = "{\"zz\": \"\xff\", \"\xfe\": 1}"
	c = parse(t, text)
	if err := c.Set("boot", "yes"); err != nil {
		t.Fatal(err)
	}
	if data, err := c.Encode(); err != nil || !strings.Contains(string(data), "\"\xff\"") || !strings.Contains(string(data), "\"\xfe\"") {
		t.Errorf("%q, %v", data, err)
	}
}

// TestHereDocument: a here-document of UCL survives a change, and goes into a
// new file of the same store.
func TestHereDocument(t *testing.T) {
	c, err := Parse([]byte("notes = <<EOD\none\ntwo\nEOD\nboot = on\n"), UCL)
	if err != nil {
		t.Fatal(err)
	}
	d, _, err := c.Convert(UCL)
	if err != nil {
		t.Fatal(err)
	}
	data, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(data, UCL)
	if err != nil {
		t.Fatal(err)
	}
	sameValues(t, "ucl", c, back)
	if text, _ := back.Raw("notes"); text != "one\ntwo" {
		t.Errorf("notes %q", text)
	}
}

func TestRawProblems(t *testing.T) {
	c := New()
	if err := c.SetRaw("boot", "junk"); err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); !errors.Is(err, ErrInvalidValue) {
		t.Errorf("before a save: %v", err)
	}
}

// TestNewKeysKeepTheOrder: new keys go where the order of a sorted object has
// them, and last in one that is not sorted.
func TestNewKeysKeepTheOrder(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`{"a": 1, "user": {"m": 1}, "z": 1}`, `a m:{b} user:{a m z} y z`},
		{`{"z": 1, "user": {"m": 1, "b": 2}}`, `z user:{m b z a} y m:{b}`},
		{`{}`, `m:{b} user:{a z} y`},
	} {
		c := parse(t, tt.in)
		for _, key := range []string{"y", "user.z", "m.b", "user.a"} {
			if err := c.SetRaw(key, "x"); err != nil {
				t.Fatal(err)
			}
		}
		data, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer(`: "x"`, "", `"`, "", ",", " ", ": 1", "", ": 2", "", ": {", ":{ ", "\n", " ").Replace(string(data))
		text = strings.NewReplacer("{ ", "{", " }", "}").Replace(strings.Join(strings.Fields(text), " "))
		if text != "{"+tt.want+"}" {
			t.Errorf("%s: got %s, want {%s}", tt.in, text, tt.want)
		}
	}
}

func TestMigrateOptions(t *testing.T) {
	c := parse(t, `{"host_hostuuid": "a", "memoryuse": "off", "dhcp": 1, "cpuset": "off", "zz": 1, "boot": "junk"}`)
	m, changes := c.Migrate(MigrateOptions{Defaults: parse(t, `{"memoryuse": "deny=8G"}`)})
	text, err := m.Encode()
	const want = `{"host_hostuuid": "a", "memoryuse": "off", "zz": 1, "boot": "junk", "ip4_addr": "vnet0|dhcp"}`
	if err != nil || string(text) != want {
		t.Errorf("%s\n%v", text, changes)
	}
}

func TestRepeatedKeys(t *testing.T) {
	c := parse(t, `{"boot": 0, "zz": [1, "a"], "boot": 1}`)
	if v, _ := NewKey[bool]("boot").In(c); !v || len(c.Keys()) != 2 {
		t.Errorf("boot %v, keys %v", v, c.Keys())
	}
	if err := c.Set("release", "x"); err != nil {
		t.Fatal(err)
	}
	data, _ := c.Encode()
	if string(data) != `{"boot": 0, "zz": [1, "a"], "boot": 1, "release": "x"}` {
		t.Errorf("%s", data)
	}
	c.Unset("boot")
	if data, _ := c.Encode(); strings.Contains(string(data), "boot") {
		t.Errorf("%s", data)
	}
}

func TestClone(t *testing.T) {
	c := parse(t, `{"boot": 1}`)
	d := c.Clone()
	if err := d.Set("boot", "no"); err != nil {
		t.Fatal(err)
	}
	d.Unset("boot")
	if v, ok := NewKey[bool]("boot").In(c); !ok || !v || c.Changed() {
		t.Error("the clone shares its entries")
	}
}

// storedText returns the text of a stored property in libioc's JSON form.
func storedText(c *Config, key string) (string, bool) {
	v, ok, err := c.value(key)
	if !ok || err != nil {
		text, _ := c.Raw(key)
		return text, ok
	}
	p, _ := Lookup(key)
	return formatValue(p, v, JSON), true
}
