// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/runtime/statusreaders"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/weir-gitops/weir/kit/rescue"
)

// evaluateLimit bounds one health expression over one object in its owner's run; expressions come from users.
const evaluateLimit = time.Second

// Status is the health of one object at one moment.
type Status struct {
	State   status.Status // empty: not computed
	Problem string        // why the state could not be determined
	Rule    string        // identity of the Evaluator that computed it; empty for the built-in rules
}

// Evaluator computes the health of objects by rules of its own.
type Evaluator interface {
	Evaluate(ctx context.Context, u *unstructured.Unstructured) (*status.Result, error)
	// Rule identifies the rules: equal for evaluators that agree on every object.
	Rule() string
}

// Compute returns the health of an object; by is nil for the built-in rules. An object that makes the rules panic has a problem, and nothing
// else: it is computed where the objects of all owners come in.
func Compute(ctx context.Context, u *unstructured.Unstructured, by Evaluator) Status {
	var res *status.Result
	err := rescue.Call(logr.FromContextOrDiscard(ctx), "health rules", func() (err error) {
		res, err = evaluate(ctx, u, by)
		return err
	})
	if err != nil {
		return Status{State: status.UnknownStatus, Problem: err.Error(), Rule: ruleOf(by)}
	}
	return Status{State: res.Status, Rule: ruleOf(by)}
}

// evaluate applies the rules, by default those of kstatus, except that a Job is current when it is done, not when it has begun.
func evaluate(ctx context.Context, u *unstructured.Unstructured, by Evaluator) (*status.Result, error) {
	switch {
	case by != nil:
		ctx, cancel := context.WithTimeout(ctx, evaluateLimit)
		defer cancel()
		return by.Evaluate(ctx, u)
	case u.GroupVersionKind().GroupKind() == (schema.GroupKind{Group: "batch", Kind: "Job"}) && u.GetDeletionTimestamp() == nil:
		return new(statusreaders.ComputeJobStatus(u)), nil
	default:
		return status.Compute(u)
	}
}

// Static tells whether the health of a kind follows from its metadata alone: it is current as soon as it exists.
func Static(gk schema.GroupKind) bool {
	switch gk.Group {
	case "":
		switch gk.Kind {
		case "ConfigMap", "Secret", "ServiceAccount", "Namespace", "LimitRange", "ResourceQuota", "Endpoints":
			return true
		}
	case "rbac.authorization.k8s.io", "scheduling.k8s.io", "storage.k8s.io", "node.k8s.io", "coordination.k8s.io",
		"discovery.k8s.io":
		return true
	case "batch":
		return gk.Kind == "CronJob"
	case "networking.k8s.io":
		return gk.Kind == "IngressClass" || gk.Kind == "NetworkPolicy" || gk.Kind == "Ingress"
	case "admissionregistration.k8s.io":
		return gk.Kind == "MutatingWebhookConfiguration" || gk.Kind == "ValidatingWebhookConfiguration"
	}
	return false
}

// staticState is the health of an existing object of a static kind.
func staticState(deleting bool) Status {
	if deleting {
		return Status{State: status.TerminatingStatus}
	}
	return Status{State: status.CurrentStatus}
}
