package config

import (
	"encoding/json"
	"fmt"
	"testing"
)

// manyFiles makes config.json files of 40 keys as libioc and iocage mix them.
func manyFiles(n int) [][]byte {
	files := make([][]byte, n)
	for i := range files {
		m := map[string]any{
			"id": fmt.Sprintf("jail%d", i), "host_hostname": fmt.Sprintf("jail%d.example.org", i), "host_hostuuid": fmt.Sprintf("0d3ef814-1339-4b7e-bb0e-%012x", i),
			"release": "13.2-RELEASE-p4", "basejail": "yes", "vnet": 1, "boot": 1, "priority": "10", "interfaces": "vnet0:bridge0,vnet1::bridge1",
			"ip4_addr": fmt.Sprintf("vnet0|10.%d.%d.%d/8,vnet1|dhcp", i>>16&255, i>>8&255, i&255), "ip6_addr": "vnet0|2001:db8::5/64", "defaultrouter": "10.0.0.1", "defaultrouter6": "fe80::1@vnet0",
			"resolver": "10.0.0.2;10.0.0.3", "vnet0_mac": "02ff60000001,02ff60000002", "vnet1_mac": "02ff60000003 02ff60000004", "mac_prefix": "02ff60", "devfs_ruleset": "4",
			"allow_raw_sockets": 1, "allow_mount": 0, "allow_mount_tmpfs": 1, "allow_sysvipc": "0", "allow_chflags": 0, "enforce_statfs": "1", "children_max": "0", "securelevel": "2",
			"sysvmsg": "new", "sysvsem": "new", "sysvshm": "new", "exec_clean": 1, "exec_start": "/bin/sh /etc/rc", "exec_stop": "/bin/sh /etc/rc.shutdown", "exec_timeout": "600",
			"mount_devfs": "yes", "mount_fdescfs": 1, "memoryuse": "deny=2G", "maxproc": "200:deny", "tags": "web,front", "depends": "db,cache", "user.owner": "ops",
		}
		if len(m) != 40 {
			panic(len(m))
		}
		files[i], _ = json.MarshalIndent(m, "", "    ")
	}
	return files
}

// BenchmarkParseAndType reads 10,000 config.json of 40 keys and gives every
// value its type.
func BenchmarkParseAndType(b *testing.B) {
	files := manyFiles(10000)
	b.ReportAllocs()
	b.SetBytes(int64(len(files[0])))
	i := 0
	for b.Loop() {
		c, err := Parse(files[i%len(files)], JSON)
		if err != nil {
			b.Fatal(err)
		}
		if p := c.Problems(); p != nil {
			b.Fatal(p)
		}
		i++
	}
}

// BenchmarkParse is the share of reading JSON.
func BenchmarkParse(b *testing.B) {
	files := manyFiles(10000)
	b.ReportAllocs()
	b.SetBytes(int64(len(files[0])))
	i := 0
	for b.Loop() {
		if _, err := Parse(files[i%len(files)], JSON); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

// BenchmarkStandardLibrary reads the same files into a map, without types.
func BenchmarkStandardLibrary(b *testing.B) {
	files := manyFiles(10000)
	b.ReportAllocs()
	b.SetBytes(int64(len(files[0])))
	i := 0
	for b.Loop() {
		m := make(map[string]any)
		if err := json.Unmarshal(files[i%len(files)], &m); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
