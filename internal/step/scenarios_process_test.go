package step_test

import (
	"context"
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// processScenarios are about commands and processes of jails.
func processScenarios() []scenario {
	command := func(text string) act {
		return onJail("start web with "+text, "web", func(g *jail.JailGenerator) *jail.Operation {
			return g.Start(jail.StartOptions{SingleCommand: text})
		})
	}
	restart := func(name string, o jail.RestartOptions) act {
		return onJail(name+" web", "web", func(g *jail.JailGenerator) *jail.Operation { return g.Restart(o) })
	}
	return []scenario{
		{"one command", bareHost, []act{
			scratch("web", plain()), program("web", "bin/sh"), program("web", "bin/pwd"),
			command("pwd"), refused(command("echo so && false"), errHook),
			onJail("fork_exec in web", "web", func(g *jail.JailGenerator) *jail.Operation {
				return g.ForkExec([]string{"/bin/pwd"}, jail.ForkExecOptions{Dir: "/bin"})
			}),
			refused(onJail("fork_exec nothing in web", "web", func(g *jail.JailGenerator) *jail.Operation {
				return g.ForkExec([]string{"/bin/nosuch"}, jail.ForkExecOptions{})
			}), fs.ErrNotExist),
		}},
		{"restart", bareHost, []act{
			scratch("web", plain("exec_start", "echo up", "exec_stop", "echo down")), program("web", "bin/sh"), start("web"),
			restart("restart", jail.RestartOptions{}), once(restart("restart with shutdown", jail.RestartOptions{Shutdown: true})),
			set("web", map[string]string{"exec_stop": "false"}),
			refused(restart("restart", jail.RestartOptions{}), errHook),
			restart("restart by force", jail.RestartOptions{Force: true}),
		}},
		{"stop with processes", workHost, []act{
			scratch("web", plain()), start("web"), work("web", "idle"), stop("web"),
		}},
		{"stop with stubborn processes", workHost, []act{
			scratch("web", plain("stop_timeout", "1")), start("web"), work("web", "stubborn"), stop("web"),
		}},
	}
}

// workHost has programs that run until they are told to end, and one that does not heed it.
func workHost(t testing.TB) *simhost.Host {
	return hostOf(simhost.Options{Programs: map[string]simkernel.Program{
		"idle": func(_ context.Context, p *simkernel.Process) int { p.Sleep(time.Hour); return 0 },
		"stubborn": func(ctx context.Context, p *simkernel.Process) int {
			p.Trap(15)
			<-ctx.Done()
			return 0
		},
	}})(t)
}

// work starts a program in a running jail.
func work(name, program string) act {
	return byHand("jexec "+name+" "+program, func(t testing.TB, h *simhost.Host) {
		jailtest.WriteRoot(t, h, name, "bin/"+program)
		j := jailtest.Load(t, h, name)[0]
		id, err := j.Identity(t.Context())
		require.NoError(t, err)
		go func() { _, _ = j.Exec(context.Background(), []string{"/bin/" + program}, jail.ExecOptions{}) }() // it ends with the jail
		require.Eventually(t, func() bool {
			list, err := h.Sim.ProcessList(t.Context(), id.JID)
			return err == nil && len(list) > 0
		}, 5*time.Second, time.Millisecond)
	})
}
