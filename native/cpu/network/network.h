// A network that was checked whole, and what it needs to run.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "../memory_block.h"
#include "description.h"
#include "memory_plan.h"
#include "operator.h"

namespace network {

/** Runs on the thread that asks for it, one run at a time. Holds its packed weights and the memory of the last shapes. */
class Network {
 public:
  /**
   * Checks the description against the weights, and that it runs with the smallest inputs.
   *
   * @throws NetworkError what does not fit
   * @throws std::bad_alloc
   */
  explicit Network(const Description& description, const Kernels& kernels);

  const std::vector<InputDescription>& inputs() const { return inputs_; }
  const std::vector<std::string>& outputs() const { return outputs_; }

  /**
   * Plans the next runs: with these shapes, in the order of the inputs.
   *
   * @returns the outputs' shapes, in their order
   * @throws NetworkError where they do not fit; the plan before stays
   * @throws std::bad_alloc likewise
   */
  std::vector<Shape> prepare(const std::vector<Shape>& shapes);

  /** @param inputs, outputs of the shapes that `prepare` was given and gave */
  void run(std::span<const float* const> inputs, std::span<float* const> outputs);

 private:
  /** An operator with the numbers of its tensors. */
  struct Node {
    Operator op;
    std::vector<size_t> inputs;
    std::vector<size_t> outputs;
  };

  /** Where a tensor of a run lies: in the arena of the network, or in the memory of an input or an output. */
  enum class Owner { arena, input, output };
  struct Location {
    Owner owner;
    /** f32 from the arena's beginning, or which input or output it is */
    size_t position;
  };

  /** All that depends on the inputs' shapes. */
  struct Plan {
    std::vector<Shape> input_shapes;
    std::vector<Shape> shapes;
    std::vector<Location> locations;
    /** For each operator, f32 from the arena's beginning. */
    std::vector<size_t> scratch;
    size_t arena_count = 0;
  };

  Plan plan(const std::vector<Shape>& input_shapes) const;
  void assign_memory(Plan& plan, const std::vector<size_t>& scratch_counts) const;
  std::vector<Shape> output_shapes() const;

  std::vector<InputDescription> inputs_;
  std::vector<Node> nodes_;
  std::vector<std::string> outputs_;
  /** The outputs' tensors, by number; the first tensors are the inputs. */
  std::vector<size_t> output_tensors_;
  size_t tensor_count_ = 0;
  Plan plan_;
  MemoryBlock arena_;
  size_t arena_count_ = 0;
};

}  // namespace network
