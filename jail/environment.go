package jail

import (
	"os"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/internal/plan"
)

// hookPath is the PATH of every hook and command, as libioc sets it.
const hookPath = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"

// hookEnv is the environment of hooks and commands: IOC_<KEY> for every
// property that has a value, the caller's own last. The caller's process
// environment comes first when exec_clean is off. What is known only once the
// jail runs (IOC_JID, JID, JNAME, JPATH, IOC_JAIL_PATH) is added then.
func (g *JailGenerator) hookEnv(extra map[string]string) ([]string, error) {
	eff := g.effective()
	var env []string
	if !eff.Bool("exec_clean") {
		env = os.Environ()
	}
	for _, p := range config.Properties() {
		text, err := eff.Text(p.Name)
		if err != nil || text == "none" || text == "-" {
			continue
		}
		env = append(env, "IOC_"+strings.ToUpper(strings.ReplaceAll(p.Name, ".", "_"))+"="+text)
	}
	env = append(env, "IOC_NAME="+g.name, "HOME=/root", "PATH="+hookPath)
	for _, key := range sortedKeys(extra) {
		env = append(env, key+"="+extra[key])
	}
	return env, nil
}

// inJail are the hooks that run in the jail; the others run on the host.
var inJail = map[string]bool{"start": true, "stop": true}

// hook is the step of one hook, or none when the property is unset.
func (g *JailGenerator) hook(name string, env []string, change ...func(*hookArgs)) ([]plan.Step, error) {
	eff := g.effective()
	command := eff.String("exec_" + name)
	if command == "" {
		return nil, nil
	}
	a := hookArgs{
		Hook: name, Command: command, Name: g.Identifier(), Inside: inJail[name],
		Env: env, RootDataset: g.RootDataset(),
		Timeout: eff.Duration("exec_timeout"),
	}
	if name == "stop" || name == "prestop" {
		a.Timeout = eff.Duration("stop_timeout")
	}
	if user := eff.String("exec_jail_user"); a.Inside && user != "root" {
		a.User = user
	}
	for _, c := range change {
		c(&a)
	}
	return []plan.Step{stepHook.Step(a)}, nil
}
