/**
 * libtorch beyond what DJL offers, through the Foreign Function and Memory API. Symbols are looked up when they are first
 * needed; what a version lacks has a fallback:
 *
 * <table>
 * <caption>What newer versions bring</caption>
 * <tr><th>symbols</th><th>libtorch 2.7.1</th><th>2.11</th><th>for</th><th>without</th></tr>
 * <tr><td>{@code aoti_torch_call_dispatcher}, {@code _new_tensor_handle}, {@code _get_data_ptr},
 *     {@code _empty_strided}, {@code _get_dtype}, {@code _dtype_bfloat16}</td><td>yes</td><td>yes</td><td>everything</td>
 *     <td>an error at the start</td></tr>
 * <tr><td>{@code torch_new_list_reserve_size}, {@code torch_list_push_back}</td><td>no</td><td>yes</td>
 *     <td>fused Adam on a GPU, with which the host reads no norm</td><td>composed operators, and a read a step</td></tr>
 * <tr><td>{@code torch_new_string_handle}</td><td>no</td><td>yes</td><td>GELU in one kernel on a GPU</td>
 *     <td>composed operators</td></tr>
 * <tr><td>{@code at::_ops::gelu::call}</td><td>yes</td><td>yes</td><td>GELU in one kernel on the CPU</td>
 *     <td>composed operators</td></tr>
 * <tr><td>{@code at::cuda::CUDAGraph} ({@code C1Ev} or {@code C1Eb}, {@code capture_begin}, {@code capture_end},
 *     {@code replay}), {@code at::cuda::graph_pool_handle}</td><td>yes</td><td>yes</td><td>CUDA graphs</td>
 *     <td>every operator is launched by the host</td></tr>
 * <tr><td>{@code nvrtcCompileProgram} and its like of {@code libnvrtc}, {@code cuLaunchKernel} and its like of
 *     {@code libcuda}</td><td>yes</td><td>yes</td><td>kernels for chains of row operators, {@link Chains}</td>
 *     <td>a kernel for each operator</td></tr>
 * <tr><td>{@code aoti_torch_cuda_addmm_out}</td><td>yes</td><td>yes</td><td>gradients of weights added in the product
 *     itself</td><td>product and sum</td></tr>
 * <tr><td>{@code c10::cuda::device_count}, {@code getStreamFromPool}, {@code setCurrentCUDAStream},
 *     {@code at::globalContext}, {@code at::Context::setAllowTF32CuBLAS}, {@code setSDPUseCuDNN},
 *     {@code aoti_torch_get_current_cuda_stream}, {@code cudaMemGetInfo}, {@code cudaSetDevice},
 *     {@code cudaDeviceSynchronize}</td><td>yes</td><td>yes</td><td>GPUs</td><td>an error at the start</td></tr>
 * </table>
 */
package dev.flowtraining.trainer.torch;
