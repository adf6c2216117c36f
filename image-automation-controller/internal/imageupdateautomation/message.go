// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package imageupdateautomation

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"time"

	"github.com/Masterminds/sprig/v3"
	"k8s.io/apimachinery/pkg/types"

	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	"github.com/weir-gitops/weir/image-automation-controller/internal/setters"
	"github.com/weir-gitops/weir/kit/outcome"
)

const (
	// maxMessageBytes is how long a message may be. Flux: image-automation-controller contract, "Message template".
	maxMessageBytes = 1 << 20
	// messageTimeout bounds the making of a message.
	messageTimeout = 5 * time.Second
	// docsURL says what templates may use.
	docsURL = "https://github.com/weir-gitops/weir/blob/main/docs/spec/image/imageupdateautomations.md#message"
)

var (
	errUpdatedRemoved = errors.New("template uses removed '.Updated' field. Please use '.Changed' instead. See: " + docsURL)
	errResultRemoved  = errors.New("template uses removed '.Changed.ImageResult' field. " +
		"Please use '.Changed.FileChanges' or '.Changed.Objects' instead. See: " + docsURL)
)

// message is a template for the message of a commit.
type message struct {
	template *template.Template
	values   map[string]string
	object   types.NamespacedName
}

// message reads the template before anything is asked of the remote.
func (r *Reconciler) message(ctx context.Context, s *scope) error {
	commit := s.obj.Spec.GitSpec.Commit
	t, err := parseMessage(cmp.Or(commit.MessageTemplate, imagev1.DefaultCommitMessage))
	if err != nil {
		return failedUpdate(fmt.Errorf("unable to create commit message template from spec: %w", err))
	}
	s.template = &message{template: t, values: commit.MessageTemplateValues, object: types.NamespacedName{Namespace: s.obj.Namespace, Name: s.obj.Name}}
	// Without changes only what no change can mend is found.
	_, err = s.template.render(ctx, changes{})
	if removed(err) {
		return failedUpdate(err)
	}
	return nil
}

// failedUpdate is the outcome of a change that could not be committed or pushed.
func failedUpdate(err error) error {
	for _, gone := range []error{errUpdatedRemoved, errResultRemoved} {
		if errors.Is(err, gone) {
			return outcome.Stall(imagev1.RemovedTemplateFieldReason, gone)
		}
	}
	return outcome.Fail(imagev1.GitOperationFailedReason, fmt.Errorf("failed to update source: %w", err))
}

func removed(err error) bool {
	return errors.Is(err, errUpdatedRemoved) || errors.Is(err, errResultRemoved)
}

// parseMessage reads a template and makes every loop in it count its turns.
func parseMessage(text string) (*template.Template, error) {
	t, err := template.New("commit").Funcs(functions()).Parse(text)
	if err != nil {
		return nil, err
	}
	step, err := template.New("step").Funcs(functions()).Parse("{{ " + stepFunction + " }}")
	if err != nil {
		return nil, err
	}
	for _, each := range t.Templates() {
		if each.Tree != nil && each.Root != nil {
			count(each.Root, step.Root.Nodes[0])
		}
	}
	return t, nil
}

// count puts the step at the beginning of every list of nodes.
func count(list *parse.ListNode, step parse.Node) {
	if list == nil {
		return
	}
	for _, n := range list.Nodes {
		switch n := n.(type) {
		case *parse.RangeNode:
			count(n.List, step)
			count(n.ElseList, step)
		case *parse.IfNode:
			count(n.List, step)
			count(n.ElseList, step)
		case *parse.WithNode:
			count(n.List, step)
			count(n.ElseList, step)
		}
	}
	list.Nodes = slices.Insert(list.Nodes, 0, step)
}

// functions are those that a template may call: the ones of sprig that know neither time, chance nor environment but for ago and shuffle, which
// older templates may use, without those that make keys or passwords, which burn a core and have no place in a message. Flux: image-automation-controller contract, "Message template".
func functions() template.FuncMap {
	all := template.FuncMap(sprig.HermeticTxtFuncMap())
	for _, name := range []string{
		"genPrivateKey", "genCA", "genCAWithKey", "genSelfSignedCert", "genSelfSignedCertWithKey", "genSignedCert", "genSignedCertWithKey",
		"buildCustomCert", "derivePassword", "bcrypt", "htpasswd", "encryptAES", "decryptAES",
	} {
		delete(all, name)
	}
	all["until"] = func(n int) ([]int, error) { return steps(0, n, 1) }
	all["untilStep"] = steps
	all["repeat"] = repeat
	all["seq"] = sequence
	all[stepFunction] = func() (string, error) { return "", nil }
	return all
}

// steps lists numbers from begin on, up to and without end.
func steps(begin, end, step int) ([]int, error) {
	numbers := []int{}
	if step == 0 || (end-begin)/step <= 0 && (end-begin)*step <= 0 {
		return numbers, nil
	}
	for n := begin; (step > 0 && n < end) || (step < 0 && n > end); n += step {
		if len(numbers) == maxElements {
			return nil, fmt.Errorf("%w: a list of more than %d numbers", errTemplateBounds, maxElements)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// sequence is the numbers from the first to the last, as text. Of one parameter that is the last, of three the second is the step.
func sequence(params ...int) (string, error) {
	first, step := 1, 1
	var last int
	switch len(params) {
	case 1:
		last = params[0]
	case 2:
		first, last = params[0], params[1]
	case 3:
		first, step, last = params[0], params[1], params[2]
	default:
		return "", nil
	}
	end := last + 1
	if last < first {
		end = last - 1
	}
	if last < first && len(params) < 3 {
		step = -1
	}
	numbers, err := steps(first, end, step)
	return strings.Trim(fmt.Sprint(numbers), "[]"), err
}

// repeat repeats a text.
func repeat(n int, text string) (string, error) {
	if n < 0 || n > maxElements || n*len(text) > maxMessageBytes {
		return "", fmt.Errorf("%w: a text is repeated %d times", errTemplateBounds, n)
	}
	return string(bytes.Repeat([]byte(text), n)), nil
}

// render makes the message.
func (m *message) render(ctx context.Context, c changes) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, messageTimeout)
	defer cancel()
	t, err := m.template.Clone()
	if err != nil {
		return "", err
	}
	t.Funcs((&budget{until: ctx, steps: maxSteps, bytes: maxMadeBytes}).functions())
	var out limitedBuffer
	if err := t.Execute(&out, &templateData{AutomationObject: m.object, Changed: c.forTemplate(), Values: m.values}); err != nil {
		return "", fmt.Errorf("failed to run template from spec: %w", err)
	}
	return out.String(), nil
}

// limitedBuffer takes a message.
type limitedBuffer struct{ bytes.Buffer }

// Write implements io.Writer.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxMessageBytes {
		return 0, fmt.Errorf("%w: a message of more than %d bytes", errTemplateBounds, maxMessageBytes)
	}
	return b.Buffer.Write(p)
}

// templateData is what a template sees. Flux: image-automation-controller contract, "Message template".
type templateData struct {
	AutomationObject types.NamespacedName
	Changed          changed
	Values           map[string]string
}

// Updated is a field of older versions.
func (*templateData) Updated() (string, error) { return "", errUpdatedRemoved }

// objectChanges are the changes of objects.
type objectChanges map[setters.Object][]setters.Change

// changed is what a template sees of the changes.
type changed struct {
	// FileChanges are the changes by file.
	FileChanges map[string]objectChanges

	all []setters.Edit
}

// forTemplate returns the changes as templates see them.
func (c changes) forTemplate() changed {
	all := changed{FileChanges: map[string]objectChanges{}}
	for _, file := range c.order {
		all.FileChanges[file] = group(c.edits[file])
		all.all = append(all.all, c.edits[file]...)
	}
	return all
}

// group gathers changes by object.
func group(edits []setters.Edit) objectChanges {
	objects := objectChanges{}
	for _, edit := range edits {
		objects[edit.Object] = append(objects[edit.Object], edit.Change)
	}
	return objects
}

// Objects returns the changes by object, over all files.
func (c changed) Objects() objectChanges { return group(c.all) }

// Changes returns each change once, by file and place in it.
func (c changed) Changes() []setters.Change {
	var list []setters.Change
	seen := map[setters.Change]bool{}
	for _, edit := range c.all {
		if !seen[edit.Change] {
			seen[edit.Change] = true
			list = append(list, edit.Change)
		}
	}
	return list
}

// ImageResult is a field of older versions.
func (changed) ImageResult() (string, error) { return "", errResultRemoved }
