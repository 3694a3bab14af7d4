package jail

import (
	"context"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
)

func (j *Jail) resolverSteps(context.Context) ([]plan.Step, error) {
	r := key.Resolver.Of(j.Effective())
	a := step.WriteResolver{RootDataset: j.RootDataset()}
	switch r.Mode {
	case config.ResolverSkip:
		return nil, nil
	case config.ResolverCopy:
		a.CopyFrom = j.host.Files().ResolvConf
	default:
		a.Lines = r.Lines()
	}
	return []plan.Step{plan.StepOf(a)}, nil
}
