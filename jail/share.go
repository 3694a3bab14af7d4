package jail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/internal/pathname"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/zfsstore"
)

// What keeps a dataset from being given to a jail.
var (
	// ErrDatasetNotAvailable: a dataset of jail_zfs_dataset does not exist
	// (libioc: DatasetNotAvailable).
	ErrDatasetNotAvailable = errors.New("shared dataset does not exist")
	// ErrDatasetNotJailed: it exists but jailed is not on (DatasetNotJailed).
	ErrDatasetNotJailed = errors.New("shared dataset is not jailed")
)

// ShareError is a dataset that cannot be given to a jail.
type ShareError struct {
	Dataset string
	Err     error // ErrDatasetNotAvailable, ErrDatasetNotJailed
}

func (e *ShareError) Error() string {
	text := e.Err.Error() + ": " + e.Dataset
	if errors.Is(e.Err, ErrDatasetNotJailed) {
		text += "; zfs set jailed=on " + e.Dataset
	}
	return text
}

// Unwrap returns the cause.
func (e *ShareError) Unwrap() error { return e.Err }

// sharedDatasets returns the datasets that the jail administers itself. iocage and
// legacy leave out the pool, which is the jail's.
func (j *Jail) sharedDatasets() []string {
	eff := j.Effective()
	if !key.JailZFS.Of(eff) {
		return nil
	}
	names := slices.Clone(key.JailZFSDataset.Of(eff))
	if j.own().Dialect() != config.Libioc {
		pool, _, _ := strings.Cut(j.source.Dataset, "/")
		for i, name := range names {
			// A pool may have the name that iocage's own datasets begin with.
			if !pathname.Within(name, pool) || pool == "iocage" && !pathname.Within(name, j.source.Dataset) {
				names[i] = pool + "/" + name
			}
		}
	}
	return names
}

// shareSteps gives the jail its datasets, if they are what they have to be.
func (j *Jail) shareSteps(ctx context.Context) ([]plan.Step, error) {
	datasets := j.sharedDatasets()
	if len(datasets) == 0 {
		return nil, nil
	}
	for _, name := range datasets {
		d, err := j.host.Store.Get(ctx, name, zfsstore.GetOptions{Properties: []string{"jailed"}})
		switch {
		case absent(err):
			return nil, &ShareError{name, fmt.Errorf("%w (%w)", ErrDatasetNotAvailable, err)}
		case err != nil:
			return nil, err
		case d.Properties["jailed"].Value != "on":
			return nil, &ShareError{name, ErrDatasetNotJailed}
		}
	}
	return []plan.Step{plan.StepOf(step.Share{Name: j.Identifier(), RootDataset: j.RootDataset(), Datasets: datasets})}, nil
}

// unshareSteps takes the datasets from the jail before it is removed.
func (j *Jail) unshareSteps() []plan.Step {
	datasets := j.sharedDatasets()
	if len(datasets) == 0 {
		return nil
	}
	return []plan.Step{plan.StepOf(step.Unshare{Name: j.Identifier(), RootDataset: j.RootDataset(), Datasets: datasets})}
}
