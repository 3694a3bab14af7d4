package jail

import (
	"path/filepath"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
)

// inJail are the hooks that run in the jail; the others run on the host.
var inJail = map[string]bool{"start": true, "stop": true}

// hook returns the step of one hook, or none when the property is unset.
func (j *Jail) hook(name string, change ...func(*step.RunHook)) ([]plan.Step, error) {
	eff := j.Effective()
	command := config.NewKey[string]("exec_" + name).Of(eff)
	if command == "" {
		return nil, nil
	}
	a := step.RunHook{
		Hook: name, Command: command, Name: j.Identifier(), Inside: inJail[name],
		RootDataset: j.RootDataset(), Timeout: key.ExecTimeout.Of(eff),
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
	} else if user := key.ExecSystemUser.Of(eff); user != "root" {
		a.Place.User = user
	}
	return []plan.Step{plan.StepOf(a)}, nil
}

// commandPlace returns where a command runs by the configuration, or as the user if one is given.
func (j *Jail) commandPlace(user string) (step.Place, error) {
	eff := j.Effective()
	p := step.Place{User: user, FIB: key.ExecFIB.Of(eff)}
	if user == "" {
		p.User, p.SystemUser = key.ExecJailUser.Of(eff), key.ExecSystemJailUser.Of(eff)
	}
	if p.User == "root" {
		p.User, p.SystemUser = "", false
	}
	if log := key.UserExecConsolelog.Of(eff); log != "" {
		p.ConsoleLog = filepath.Clean(log)
	}
	return p, nil
}
