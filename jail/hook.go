package jail

import (
	"fmt"
	"path/filepath"

	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
)

// inJail are the hooks that run in the jail; the others run on the host.
var inJail = map[string]bool{"start": true, "stop": true}

// hook is the step of one hook, or none when the property is unset.
func (j *Jail) hook(name string, change ...func(*step.RunHook)) ([]plan.Step, error) {
	eff := j.effective()
	command := eff.String("exec_" + name)
	if command == "" {
		return nil, nil
	}
	a := step.RunHook{
		Hook: name, Command: command, Name: j.Identifier(), Inside: inJail[name],
		RootDataset: j.RootDataset(), Timeout: eff.Duration("exec_timeout"),
	}
	for _, c := range change {
		c(&a)
	}
	if a.Inside {
		var err error
		// What is forced does not need the log.
		if a.Place, err = j.commandPlace(""); err != nil && !a.Tolerate {
			return nil, err
		}
	} else if user := eff.String("exec_system_user"); user != "root" {
		a.Place.User = user
	}
	return []plan.Step{plan.StepOf(a)}, nil
}

// commandPlace is that of the configuration, for the user if one is given.
func (j *Jail) commandPlace(user string) (step.Place, error) {
	eff := j.effective()
	p := step.Place{User: user, FIB: eff.Int("exec_fib")}
	if user == "" {
		p.User, p.SystemUser = eff.String("exec_jail_user"), eff.Bool("exec_system_jail_user")
	}
	if p.User == "root" {
		p.User, p.SystemUser = "", false
	}
	log, err := j.Get(step.ConsoleLogKey)
	if err != nil || log == "" || log == "none" {
		return p, err
	}
	if !filepath.IsAbs(log) {
		return p, fmt.Errorf("%w: %s=%s is not an absolute path", ErrConfig, step.ConsoleLogKey, log)
	}
	p.ConsoleLog = filepath.Clean(log)
	return p, nil
}
