package jail

import (
	"context"
	"errors"
	"fmt"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/catch"
	"github.com/libioc/go-libioc/internal/plan"
)

// Provisioner fills a jail by one method, such as puppet or ix. A program
// supplies it; this library has none of its own.
type Provisioner interface {
	// Provision works on the jail, which may be running or not and is left as it
	// was found. It may call any operation of the jail: no lock is held. What
	// happens in the meantime is reported by progress, which may be nil.
	Provision(ctx context.Context, j *Jail, o ProvisionRequest) error
}

// ProvisionRequest is what the jail's configuration says about provisioning.
type ProvisionRequest struct {
	Method string // provision.method
	Source string // provision.source: an absolute path or a URL
	Rev    string // provision.rev: a revision of the source
	// Progress sends an event below JailProvisioning: a
	// JailProvisioningAssetDownload, a PuppetApplyEvent, ...
	Progress func(e events.IocEvent)
}

// Errors of provisioning.
var (
	// ErrProvisionMethod: the jail has no provision.method, or none that the
	// program supplies (libioc: UndefinedProvisionerMethod,
	// InvalidProvisionerMethod).
	ErrProvisionMethod = errors.New("no such provisioner")
	// ErrProvisionSource: the jail has no provision.source (libioc:
	// UndefinedProvisionerSource).
	ErrProvisionSource = errors.New("no source to provision from")
)

// ProvisionOptions are the ways to provision that the program knows.
type ProvisionOptions struct {
	// Methods are the provisioners by provision.method.
	Methods map[string]Provisioner
}

// Provision provisions the jail by the method that its configuration names. It
// is not a transaction: what a provisioner has done stays.
//
// Errors: ErrProvisionMethod, ErrProvisionSource, and the provisioner's.
func (j *Jail) Provision(ctx context.Context, o ProvisionOptions) ([]events.IocEvent, error) {
	return j.Generator().Provision(o).Run(ctx)
}

// Provision returns the operation that [Jail.Provision] runs. Its plan is one
// step: only the provisioner knows what it will do.
func (g *JailGenerator) Provision(o ProvisionOptions) *Operation {
	j := g.of()
	eff := j.Effective()
	return &Operation{
		jail: j, name: "provision", event: events.JailProvisioning{Jail: j.FullName()},
		make: func(context.Context) (*plan.Plan, error) {
			only := plan.Step{Kind: "provision", Detail: key.ProvisionMethod.Of(eff) + " " + key.ProvisionSource.Of(eff)}
			return &plan.Plan{Operation: "provision", Subject: j.FullName(), Steps: []plan.Step{only}}, nil
		},
		stream: func(ctx context.Context) <-chan events.IocEvent { return j.provision(ctx, o) },
	}
}

func (j *Jail) provision(ctx context.Context, o ProvisionOptions) <-chan events.IocEvent {
	request := ProvisionRequest{}
	eff := j.Effective()
	request.Method = key.ProvisionMethod.Of(eff)
	request.Source = key.ProvisionSource.Of(eff)
	request.Rev = key.ProvisionRev.Of(eff)
	event := events.JailProvisioning{Jail: j.FullName(), Method: request.Method}
	op := events.NewOperation(events.Options{Room: 2, Clock: j.host.Now, Scope: "provision " + j.FullName()})
	p, ok := o.Methods[request.Method]
	switch {
	case !ok:
		op.Refuse(event, &Error{"provision", j.FullName(), fmt.Errorf("%w: %q", ErrProvisionMethod, request.Method)})
		return op.Events()
	case request.Source == "":
		op.Refuse(event, &Error{"provision", j.FullName(), ErrProvisionSource})
		return op.Events()
	}
	go func() {
		span := op.Begin(event)
		request.Progress = func(e events.IocEvent) { span.Begin(e).Done("") }
		err := catch.Panic(func() error { return p.Provision(ctx, j, request) })
		if err != nil {
			err = &Error{"provision", j.FullName(), err}
			span.Fail(err, "")
		} else {
			span.Done("")
		}
		op.Close(err)
	}()
	return op.Events()
}
