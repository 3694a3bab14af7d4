package config_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
)

// A jail by iocage, with the defaults of its root dataset.
func ExampleEffective() {
	own, err := config.Parse([]byte(`{"boot": 1, "ip4_addr": "em0|192.0.2.10/24", "allow_mount_tmpfs": 1}`), config.JSON)
	if err != nil {
		fmt.Println(err)
		return
	}
	defaults, err := config.Parse([]byte(`{"exec_timeout": "60", "memoryuse": "deny=2G"}`), config.JSON)
	if err != nil {
		fmt.Println(err)
		return
	}
	e := config.Effective{Own: own, Defaults: defaults}
	fmt.Println(key.Boot.Of(e), key.IP4Addr.Of(e)[0].Addr, key.EnforceStatfs.Of(e))
	fmt.Println(key.ExecTimeout.Of(e), e.Limits()[0].Rule())
	// Output:
	// true 192.0.2.10 1
	// 1m0s memoryuse:deny=2147483648
}

// A refused value changes nothing and says why.
func ExampleConfig_Set() {
	c := config.New()
	err := c.Set("ip4_addr", "em0|192.0.2.0/24")
	var perr *config.PropertyError
	if errors.As(err, &perr) {
		fmt.Println(perr.Reason)
	}
	if err := c.Set("vnet", "on"); err != nil {
		fmt.Println(err)
	}
	text, err := c.Encode()
	fmt.Println(string(text), err)
	// Output:
	// 192.0.2.0/24 is a network, not a host
	// {
	//     "vnet": "yes"
	// } <nil>
}

// A jail with a bad value loads; Problems lists what is wrong.
func ExampleConfig_Problems() {
	c, err := config.Parse([]byte(`{"boot": "maybe", "frobnicate": 1}`), config.JSON)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range c.Problems() {
		fmt.Println(p.Key, errors.Is(p, config.ErrUnknownProperty))
	}
	// Output:
	// boot false
	// frobnicate true
}

// A dry run of a migration is a call whose result is not saved.
func ExampleConfig_Migrate() {
	c, err := config.Parse([]byte("type = \"basejail\";\nmemoryuse = \"8G:log\";\nhack88 = \"0\";\n"), config.UCL)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, changes := c.Migrate(config.MigrateOptions{})
	for _, ch := range changes {
		fmt.Printf("%s=%s -> %s=%s\n", ch.Key, ch.Old, ch.NewKey, ch.New)
	}
	// Output:
	// type=basejail -> basejail=yes
	// memoryuse=8G:log -> memoryuse=log=8G
	// hack88=0 -> =
}

// Saving replaces the file in one step.
func ExampleConfig_Save() {
	dir, err := os.MkdirTemp("", "jail")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	c := config.New()
	if err := c.Set("release", "13.2-RELEASE"); err != nil {
		fmt.Println(err)
	}
	if err := c.Save(dir); err != nil {
		fmt.Println(err)
	}
	back, err := config.ReadDir(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(key.Release.In(back))
	// Output: 13.2-RELEASE true
}

func ExampleParseTerms() {
	terms, err := config.ParseTerms("web* boot=yes")
	if err != nil {
		fmt.Println(err)
		return
	}
	jail := map[string][]string{"name": {"web01"}, "boot": {"on"}}
	fmt.Println(terms.Match(func(key string) ([]string, bool) { v, ok := jail[key]; return v, ok }))
	// Output: true
}

func ExampleParseForwards() {
	list, err := config.ParseForwards("8080:80, [2001:db8::1]:53/udp")
	fmt.Println(err)
	for _, f := range list {
		fmt.Println(f)
	}
	// Output:
	// <nil>
	// 8080:80/tcp
	// [2001:db8::1]:53:53/udp
}
