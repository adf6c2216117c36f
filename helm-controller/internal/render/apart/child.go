// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package apart

import (
	"errors"
	"io"
	"log"
	"os"
	"runtime/debug"
	"strconv"
	"time"
)

const (
	// MaxStack bounds the stack of each goroutine of the controller, in bytes. A thousand nested includes, which Helm allows, take 8 MiB, and values
	// that nest 10,000 deep, which YAML allows, 16 MiB in any function. With the 1 GiB of Go templates without end would use up the memory first.
	MaxStack = 64 << 20
	// childStack is the same for a child, which has less memory.
	childStack = 32 << 20
	// childCPU bounds the time of processors that a child takes, on Linux. An honest chart takes less than a second.
	childCPU = 30 * time.Second
)

// childArgument makes a child of this program. No flag looks like it.
const childArgument = "render-apart"

// childArguments is how many arguments a child has: the one above, and the bounds of its memory, in bytes, and of its time of processors, in seconds.
const childArguments = 3

// exitOrphan is how a child ends whose parent has gone.
const exitOrphan = 3

// Main does the work of a child, and ends the process, if this is one. Call it before anything else.
func Main() {
	if len(os.Args) != childArguments+1 || os.Args[1] != childArgument {
		return
	}
	memory, wrongMemory := strconv.ParseInt(os.Args[2], 10, 64)
	seconds, wrongTime := strconv.ParseInt(os.Args[3], 10, 64)
	if wrongMemory != nil || wrongTime != nil || memory <= 0 || seconds <= 0 {
		os.Exit(1)
	}
	debug.SetMaxStack(childStack)
	// The collector does what it can before the bound of the system ends the process.
	debug.SetMemoryLimit(memory / 4 * 3)
	log.SetOutput(io.Discard) // what Helm warns of would push aside what ended the process
	if restrict(memory, seconds) != nil || work(os.Stdin, os.Stdout) != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// work does the job that comes in.
func work(in io.Reader, out io.Writer) error {
	codec, err := newCodec()
	if err != nil {
		return err
	}
	p := pipe{codec: codec, in: in, out: out, takes: maxJobBytes, gives: maxAnswerBytes}
	m, err := p.receive()
	if err != nil {
		return err
	}
	if m.Job == nil {
		return errMalformed
	}
	job, err := m.Job.job()
	if err != nil {
		return err
	}
	asker := listen(p)
	files, err := job.run(asker.lookups())
	if err != nil {
		return p.send(message{Result: &result{Fault: err.Error()}})
	}
	err = p.send(message{Result: &result{Files: files}})
	if errors.Is(err, errTooLarge) {
		return p.send(message{Result: &result{Fault: tooMuchText}})
	}
	return err
}

// listen reads what the parent answers, for as long as the process lasts. It ends the process with the parent, whatever is being rendered.
func listen(p pipe) asker {
	answers := make(chan *answer)
	go func() {
		for {
			m, err := p.receive()
			if err != nil || m.Answer == nil {
				os.Exit(exitOrphan)
			}
			answers <- m.Answer
		}
	}()
	return asker{ask: func(q question) (*answer, error) {
		if err := p.send(message{Question: &q}); err != nil {
			return nil, err
		}
		return <-answers, nil
	}}
}
