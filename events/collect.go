package events

import "context"

// Collect reads events until the channel is closed, and returns them all with
// the operation's error: that of the last event if it failed, otherwise nil.
// The error is the very value the operation failed with.
//
// If ctx ends first, Collect returns what it has and the context's cause. The
// operation goes on, to its end or to the end of its roll back if it runs with
// the same context. To wait for that, pass context.WithoutCancel(ctx).
func Collect(ctx context.Context, ch <-chan IocEvent) ([]IocEvent, error) {
	var all []IocEvent
	err := each(ctx, ch, func(e IocEvent) { all = append(all, e) })
	return all, err
}

// Wait is Collect for those who want only the error.
func Wait(ctx context.Context, ch <-chan IocEvent) error {
	return each(ctx, ch, func(IocEvent) {})
}

func each(ctx context.Context, ch <-chan IocEvent, do func(IocEvent)) error {
	var last error
	for {
		// What is there already is taken even if the context has ended.
		select {
		case e, ok := <-ch:
			if !ok {
				return last
			}
			do(e)
			last = e.Head().Err
			continue
		default:
		}
		select {
		case e, ok := <-ch:
			if !ok {
				return last
			}
			do(e)
			last = e.Head().Err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
