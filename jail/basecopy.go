package jail

import (
	"context"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/zfsstore"
)

// formerBases are bases that release.CopyBase has set aside, of the releases that a jail
// had clones of. They go with the last jail that needs them, in the same step as its
// clones: a step of its own could fail when nothing is left to try it again by.
type formerBases struct {
	Source string       `json:"source"`
	Former []formerBase `json:"former"`
}

type formerBase struct {
	Release string `json:"release"`
	Dataset string `json:"dataset"`
}

func (f formerBases) detail() string {
	var names []string
	for _, b := range f.Former {
		names = append(names, b.Dataset+" with children and snapshots")
	}
	return "; unless a jail needs it " + strings.Join(names, ", ")
}

// drop destroys those that no jail needs. What keeps one is in the message of the step's
// event, and left for the next jail that has had clones of its release.
func (f formerBases) drop(ctx context.Context, e step.Env, c *plan.Call, dataset string) {
	var kept []string
	for _, b := range f.Former {
		rel, err := release.New(ctx, e.Host, b.Release, f.Source)
		if err == nil {
			err = rel.DropFormerBase(ctx, b.Dataset, Dependants(e.Host))
		}
		if err = ignore.Err(err, zfsstore.ErrNotFound); err != nil {
			kept = append(kept, b.Dataset+" stays: "+err.Error())
		}
	}
	c.Final(events.ZFSDatasetDestroy{Header: events.Header{Message: strings.Join(kept, "; ")}, Dataset: dataset})
}

// stepDropBase is step.DropBase, and drops former bases.
type stepDropBase struct {
	step.DropBase
	formerBases
}

func (stepDropBase) Kind() string     { return "destroy former base and copies" }
func (a stepDropBase) Detail() string { return a.DropBase.Detail() + a.detail() }

func (a stepDropBase) Do(ctx context.Context, e step.Env, c *plan.Call) error {
	err := a.DropBase.Do(ctx, e, c)
	a.drop(ctx, e, c, a.DropBase.Dataset)
	return err
}

// stepDestroyDataset is step.DestroyDataset, and drops former bases.
type stepDestroyDataset struct {
	step.DestroyDataset
	formerBases
}

func (stepDestroyDataset) Kind() string     { return "destroy dataset and copies" }
func (a stepDestroyDataset) Detail() string { return a.DestroyDataset.Detail() + a.detail() }

func (a stepDestroyDataset) Do(ctx context.Context, e step.Env, c *plan.Call) error {
	err := a.DestroyDataset.Do(ctx, e, c)
	a.drop(ctx, e, c, a.DestroyDataset.Dataset)
	return err
}

// formerBases returns those of the releases whose base the datasets of a jail were cloned
// from, and of others.
func (j *Jail) formerBases(ctx context.Context, sets tree, releases ...string) (formerBases, error) {
	f := formerBases{Source: j.source.Name}
	for _, d := range sets {
		if base := d.Properties[step.BaseProperty]; base.Source == zfsstore.SourceLocal {
			releases = append(releases, base.Value)
		}
	}
	seen := map[string]bool{}
	for _, name := range releases {
		rel, err := release.New(ctx, j.host, name, j.source.Name)
		if err != nil {
			continue // written by another hand
		}
		former, err := rel.FormerBases(ctx)
		if err != nil {
			return f, err
		}
		for _, dataset := range former {
			if !seen[dataset] {
				seen[dataset] = true
				f.Former = append(f.Former, formerBase{name, dataset})
			}
		}
	}
	return f, nil
}

// dropBases are the steps that destroy clones of the base, and the former bases that they
// were cloned from.
func (j *Jail) dropBases(ctx context.Context, sets tree, clones []step.DropBase) (steps []plan.Step, err error) {
	former, err := j.formerBases(ctx, sets)
	for i, d := range clones {
		if i == len(clones)-1 && len(former.Former) > 0 {
			steps = append(steps, plan.StepOf(stepDropBase{d, former}))
		} else {
			steps = append(steps, plan.StepOf(d))
		}
	}
	return steps, err
}
