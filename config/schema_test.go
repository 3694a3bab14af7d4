package config

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestSchemaIsSound(t *testing.T) {
	seen := make(map[string]bool)
	limits := 0
	for _, p := range Properties() {
		for _, name := range append([]string{p.Name}, p.Aliases...) {
			if seen[name] {
				t.Errorf("%s appears twice", name)
			}
			seen[name] = true
			if got, ok := Lookup(name); !ok || got.Name != p.Name {
				t.Errorf("Lookup(%s) finds %v", name, got)
			}
		}
		if p.Doc == "" || !strings.HasSuffix(p.Doc, ".") {
			t.Errorf("%s has no sentence", p.Name)
		}
		if p.Default != "" {
			v, err := parseValue(&p, p.Default)
			if err != nil {
				t.Errorf("%s: default %q: %v", p.Name, p.Default, err)
			} else if text := formatValue(&p, v, JSON); text != p.Default {
				t.Errorf("%s: default %q is not canonical, %q is", p.Name, p.Default, text)
			}
		}
		if (p.Param == "") != (p.ParamType == ParamNone) {
			t.Errorf("%s: parameter %q of type %d", p.Name, p.Param, p.ParamType)
		}
		if p.Param != "" {
			if got, ok := Lookup("security.jail.param." + p.Param); !ok || got.Name != p.Name {
				t.Errorf("security.jail.param.%s finds %v", p.Param, got)
			}
		}
		if p.Type == TypeLimit {
			limits++
		}
	}
	if limits != 25 {
		t.Errorf("%d resources, rctl(8) has 25", limits)
	}
}

// TestSchemaKnowsPeers: every key that another program writes is a row.
func TestSchemaKnowsPeers(t *testing.T) {
	var keys []string
	for _, file := range []string{"iocage-defaults/defaults.json", "iocage-thick/config.json"} {
		data, err := os.ReadFile("testdata/corpus/" + file)
		if err != nil {
			t.Fatal(err)
		}
		m := make(map[string]any)
		if err := json.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		for k := range m {
			keys = append(keys, k)
		}
	}
	data, err := os.ReadFile("testdata/corpus/legacy-ucl/config")
	if err != nil {
		t.Fatal(err)
	}
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
		key, _, _ := strings.Cut(s.Text(), "=")
		keys = append(keys, key)
	}
	if len(keys) < 115+140 {
		t.Fatalf("%d keys", len(keys))
	}
	for _, k := range keys {
		if _, ok := schema().byName[k]; !ok {
			t.Errorf("%s is no row of the schema", k)
		}
	}
}

// TestSchemaKnowsParams: every kernel parameter that FreeBSD 13.2 and 15.1 list
// and a configuration may set is the parameter of a row.
func TestSchemaKnowsParams(t *testing.T) {
	for _, file := range []string{"params.tsv", "params-15.1.tsv"} {
		t.Run(file, func(t *testing.T) { knowsParams(t, "testdata/"+file) })
	}
}

func knowsParams(t *testing.T, path string) {
	// Set by the library itself, or read-only.
	managed := map[string]bool{"name": true, "path": true, "jid": true, "parent": true, "persist": true, "dying": true, "children.cur": true, "cpuset.id": true}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		name, kind, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if kind == "node" || name == "name" && kind == "sysctl type" || managed[name] {
			continue
		}
		n++
		name = strings.TrimSuffix(name, ".")
		if name == "zfs" {
			continue // a node whose own value has no meaning but enabling the rest
		}
		p, ok := Lookup(name)
		if !ok || p.Param != name || schema().byName[p.Name] == nil {
			t.Errorf("%s is no row's parameter", name)
			continue
		}
		want := map[string][]ParamType{"integer": {ParamBool, ParamInt, ParamJailsys}, "string": {ParamString}, "unsigned long": {ParamLong}, "opaque": {ParamAddresses}}[kind]
		found := false
		for _, w := range want {
			found = found || w == p.ParamType
		}
		if !found {
			t.Errorf("%s is %s, the schema says %s", name, kind, p.ParamType)
		}
	}
	if n < 40 {
		t.Errorf("only %d parameters", n)
	}
}

func TestLookupPatterns(t *testing.T) {
	for key, want := range map[string]string{
		"allow.mount.zfs": "allow_mount_zfs", "security.jail.param.osrelease": "osrelease", "host.hostuuid": "host_hostuuid",
		"istemplate": "template", "name": "id", "user.a.b": "user.a.b", "em0_mac": "em0_mac", "vnet7_mtu": "vnet7_mtu",
		"allow_mount_newfs": "allow_mount_newfs", "allow.mount.newfs": "allow_mount_newfs", "allow_newthing": "allow_newthing",
	} {
		p, ok := Lookup(key)
		if !ok || p.Name != want {
			t.Errorf("Lookup(%s) = %v, want %s", key, p, want)
		}
	}
	if p, _ := Lookup("allow_mount_newfs"); p.Param != "allow.mount.newfs" || p.ParamType != ParamBool {
		t.Errorf("parameter %s", p.Param)
	}
	for _, key := range []string{"", "user", "user.", "nope", "_mac", "averylonginterfacename_mac", "allow_", "allow_a b", "allow_mount_"} {
		if p, ok := Lookup(key); ok {
			t.Errorf("Lookup(%q) = %v", key, p)
		}
	}
}
