package step_test

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/jail"
)

// hookScenarios are about hooks.
func hookScenarios() []scenario {
	hooks := map[string]string{}
	for _, name := range []string{"prestart", "created", "start", "poststart", "prestop", "stop", "poststop"} {
		hooks["exec_"+name] = "echo " + name
	}
	hook := func(name, command string) act { return set("web", map[string]string{"exec_" + name: command}) }
	fails := func(name string) act { return hook(name, "echo "+name+" && false") }
	works := func(name string) act { return hook(name, "echo "+name) }
	forced := onJail("stop web by force", "web", func(g *jail.JailGenerator) *jail.Operation {
		return g.Stop(jail.StopOptions{Force: true})
	})
	return []scenario{
		{"hooks", bareHost, []act{
			scratch("web", hooks), program("web", "bin/sh"), start("web"), stop("web"),
		}},
		{"hooks that fail before the jail runs", bareHost, []act{
			scratch("web", hooks), program("web", "bin/sh"),
			fails("prestart"), refused(start("web"), errHook), works("prestart"),
			fails("created"), refused(start("web"), errHook), works("created"),
			fails("start"), refused(start("web"), errHook), works("start"),
			fails("poststart"), refused(start("web"), errHook),
		}},
		{"hooks that fail at the end", bareHost, []act{
			scratch("web", hooks), program("web", "bin/sh"), start("web"),
			fails("prestop"), refused(stop("web"), errHook), works("prestop"),
			fails("stop"), refused(stop("web"), errHook),
			fails("prestop"), fails("poststop"), refused(forced, errHook),
		}},
		{"hook out of time", bareHost, []act{
			scratch("web", map[string]string{"exec_prestart": "sleep 60", "exec_timeout": "1", "exec_start": "none", "exec_stop": "none"}),
			refused(start("web"), errHook),
			hook("prestart", "echo soon"), start("web"), ended("web"), refused(stop("web"), jail.ErrNotRunning), once(forced),
		}},
		{"environment of hooks", plainHost, []act{
			create("web", jail.CreateOptions{}, map[string]string{
				"exec_prestart": "env", "exec_start": "env && id -u", "exec_jail_user": "nobody", "exec_fib": "0", "exec_poststop": "env",
				"exec_stop": "env",
			}),
			program("web", "usr/bin/env"), program("web", "usr/bin/id"),
			printed(start("web"), "IOC_JAIL_PATH=/mnt/zroot/iocage/jails/web/root", "JPATH=/mnt/zroot/iocage/jails/web/root",
				"JNAME=ioc-web", "IOC_JID=", "JID=", "USER=nobody", "65534"),
			printed(stop("web"), "JNAME=ioc-web", "JID="),
		}},
		{"console log", bareHost, []act{
			scratch("web", map[string]string{"exec_start": "echo up", "exec_stop": "echo down"}), program("web", "bin/sh"),
			consoleLog("log"), once(start("web")), once(stop("web")),
			consoleLog("mnt/zroot/iocage/jails/web/root/var/log/console"), refused(start("web"), jail.ErrConfig),
			consoleLog("nosuch/log"), refused(start("web"), fs.ErrNotExist),
		}},
	}
}

// consoleLog sets where the output of a jail's commands goes, below the host's directory.
func consoleLog(name string) act {
	return byHand("console log "+name, func(t testing.TB, h *simhost.Host) {
		j, err := jail.Load(t.Context(), h.Host, "web")
		require.NoError(t, err)
		path := filepath.Join(filepath.Dir(h.CacheDir()), name)
		_, err = j.Set(t.Context(), map[string]string{step.ConsoleLogKey: path}, jail.SetOptions{})
		require.NoError(t, err)
	})
}

// printed requires that hooks of an act have printed these lines.
func printed(a act, lines ...string) act {
	return byHand(a.name, func(t testing.TB, h *simhost.Host) {
		all, err := a.run(t.Context(), t, h)
		require.NoError(t, err, a.name)
		var out strings.Builder
		for _, e := range all {
			switch e := e.(type) {
			case events.JailHookPrestart:
				out.WriteString(e.Stdout)
			case events.JailHookStart:
				out.WriteString(e.Stdout)
			case events.JailHookPoststart:
				out.WriteString(e.Stdout)
			case events.JailHookStop:
				out.WriteString(e.Stdout)
			}
		}
		got := strings.Split(clean(h, out.String()), "\n")
		for _, want := range lines {
			require.True(t, slices.ContainsFunc(got, func(l string) bool { return strings.HasPrefix(l, want) }), "%s: %s", want, out.String())
		}
	})
}
