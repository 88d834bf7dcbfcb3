// Pictures from what keras_gans.export wrote, by its manifest alone, through ONNX Runtime.
//
//   client EXPORT --output sheet.ppm --count 8 --seed 3 --label Dress,red --attribute Smiling
//   client EXPORT --output sheet.ppm --count 8 --psi 0.7
//   client EXPORT --output translated.ppm --picture photo.ppm --network generator_ba
//   client EXPORT --output filled.ppm --picture photo.ppm --mask hole.pgm
//   client upscale EXPORT --output large.ppm --picture photo.ppm
//
// Pictures are PPM (P6), grey ones and masks PGM (P5). Samples stand one below the other.

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <onnxruntime_cxx_api.h>
#include <openssl/evp.h>

namespace fs = std::filesystem;
using nlohmann::json;

struct Options {
  fs::path folder, output, picture, mask, latents;
  std::string network, precision;
  std::vector<std::string> label, attributes;
  int count = 1;
  std::uint64_t seed = 0;
  bool has_psi = false;
  double psi = 1.0;
  bool upscale = false;
  std::int64_t tile = 0;  // 0: the manifest's
};

struct Picture {
  std::int64_t height = 0, width = 0, channels = 0;
  std::vector<std::uint8_t> pixels;
};

// Levels from 0 to 255 that are not rounded yet.
struct Levels {
  std::int64_t height = 0, width = 0, channels = 0;
  std::vector<float> values;
};

constexpr std::int64_t kLongest = 65535;  // side of a picture; products of such cannot overflow
constexpr double kMostPixels = 1 << 28;   // of an upscaled picture, and of a tile of it

[[noreturn]] void refuse(const std::string& sentence) { throw std::runtime_error(sentence); }

// === Which file, and whether it is the right one ===

std::string read_all(const fs::path& path) {
  std::error_code ignored;
  // A FIFO would be waited for, and a device may never end.
  if (!fs::is_regular_file(path, ignored)) refuse("Cannot read " + path.string() + ".");
  std::ifstream file(path, std::ios::binary);
  if (!file) refuse("Cannot read " + path.string() + ".");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string sha256(const std::string& content) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (!EVP_Digest(content.data(), content.size(), digest, &size, EVP_sha256(), nullptr))
    refuse("OpenSSL cannot compute a sha256.");
  std::string text;
  for (unsigned int i = 0; i < size; ++i)
    for (int nibble : {digest[i] >> 4, digest[i] & 15}) text += "0123456789abcdef"[nibble];
  return text;
}

bool takes(const json& record, const std::string& kind) {
  const json& inputs = record.at("inputs");
  return std::any_of(inputs.begin(), inputs.end(),
                     [&](const json& tensor) { return tensor.at("kind") == kind; });
}

// What a network does: "mapping" from latents to styles, "synthesis" from styles to images, or
// "whole", which makes images by itself.
std::string role_of(const json& record) {
  if (record.at("outputs").at(0).at("kind") == "styles") return "mapping";
  return takes(record, "styles") ? "synthesis" : "whole";
}

json chosen(const json& manifest, const Options& options, const std::string& role) {
  if (manifest.at("format") != "keras_gans.export" || manifest.at("format_version") != 1)
    refuse("The manifest is not of 'keras_gans.export' version 1.");
  const json* found = nullptr;
  std::string network = options.network;
  for (const json& record : manifest.at("files")) {
    if (role_of(record) != role) continue;
    if (network.empty()) network = record.at("network");
    if (record.at("format") != "onnx" || record.at("network") != network) continue;
    const std::string precision = record.at("precision");
    if (!options.precision.empty() && precision != options.precision) continue;
    if (!found || precision == "float32") found = &record;
  }
  if (!found)
    refuse("The export holds no such ONNX file: network '" + network + "'" +
           (role == "whole" ? "." : ", for --psi: a " + role + " network."));
  return *found;
}

// The networks to run one after the other: one that makes images by itself or, with --psi, two.
std::vector<json> all_chosen(const json& manifest, const Options& options) {
  if (!options.has_psi) return {chosen(manifest, options, "whole")};
  if (!options.network.empty()) refuse("--psi chooses two networks: leave --network out.");
  return {chosen(manifest, options, "mapping"), chosen(manifest, options, "synthesis")};
}

// The bytes of a file, those that were hashed and no others.
std::string checked_content(const fs::path& folder, const json& record) {
  const std::string name = record.at("path");
  const fs::path path = fs::weakly_canonical(folder / name);
  const fs::path inside = path.lexically_relative(fs::canonical(folder));
  if (inside.empty() || *inside.begin() == "..")
    refuse("Path '" + name + "' leads out of the export: do not trust it.");
  std::string content = read_all(path);
  if (sha256(content) != record.at("sha256"))
    refuse(path.string() + " has changed since it was exported. Export the model again.");
  return content;
}

// === Pictures ===

Picture read_picture(const fs::path& path) {
  std::istringstream file(read_all(path));
  std::string kind;
  Picture picture;
  int levels = 0;
  file >> kind >> picture.width >> picture.height >> levels;
  file.get();
  const bool known = (kind == "P6" || kind == "P5") && levels == 255;
  if (!file || !known || picture.width < 1 || picture.height < 1)
    refuse(path.string() + " is no PPM (P6) or PGM (P5) of 255 levels.");
  if (picture.width > kLongest || picture.height > kLongest)
    refuse(path.string() + " has a side above " + std::to_string(kLongest) + " pixels.");
  picture.channels = kind == "P6" ? 3 : 1;
  picture.pixels.assign(std::istreambuf_iterator<char>(file), {});
  const auto size = picture.width * picture.height * picture.channels;
  if (static_cast<std::int64_t>(picture.pixels.size()) != size)
    refuse(path.string() + " is cut off.");
  return picture;
}

// A mask: 255 in the hole and 0 elsewhere, of its picture's size.
Picture read_mask(const fs::path& path, const Picture& picture) {
  Picture mask = read_picture(path);
  if (mask.channels != 1) refuse(path.string() + " is in colour: a mask is a PGM (P5).");
  if (mask.height != picture.height || mask.width != picture.width)
    refuse(path.string() + " has " + std::to_string(mask.width) + " x " +
           std::to_string(mask.height) + " pixels, and its picture " +
           std::to_string(picture.width) + " x " + std::to_string(picture.height) + ".");
  for (const std::uint8_t level : mask.pixels)
    if (level != 0 && level != 255)
      refuse(path.string() + " has other values than 255 in the hole and 0 elsewhere.");
  if (std::count(mask.pixels.begin(), mask.pixels.end(), std::uint8_t{255}) == 0)
    refuse(path.string() + " is black: a mask without a hole.");
  return mask;
}

void write_picture(const Picture& picture, const fs::path& path) {
  const fs::path unfinished = path.string() + ".partial";
  std::ofstream file(unfinished, std::ios::binary);
  file << (picture.channels == 3 ? "P6\n" : "P5\n")
       << picture.width << ' ' << picture.height << "\n255\n";
  file.write(reinterpret_cast<const char*>(picture.pixels.data()),
             static_cast<std::streamsize>(picture.pixels.size()));
  file.close();
  std::error_code failure;
  if (file) fs::rename(unfinished, path, failure);
  if (!file || failure) {
    fs::remove(unfinished);
    refuse("Cannot write " + path.string() + ".");
  }
}

// Where a pixel beyond the border is reflected from, however far it is.
std::int64_t reflected(std::int64_t at, std::int64_t size) {
  if (size == 1) return 0;
  const std::int64_t period = 2 * (size - 1), inside = at % period;
  return inside < size ? inside : period - inside;
}

// === Tensors, as the manifest says ===

struct Axes {  // of pictures, in the manifest's order
  std::size_t height, width, channels;
};

Axes axes(const json& tensor) {
  const std::string layout = tensor.at("layout");
  if (layout == "NHWC") return {1, 2, 3};
  if (layout == "NCHW") return {2, 3, 1};
  refuse("Layout " + layout + " is not known: NHWC and NCHW are.");
}

// The smallest and the largest value of pictures.
std::pair<double, double> range(const json& tensor) {
  const double low = tensor.at("value_range").at(0), high = tensor.at("value_range").at(1);
  if (!(low < high)) refuse("Value range " + tensor.at("value_range").dump() + " is empty.");
  return {low, high};
}

std::size_t place(const std::vector<std::int64_t>& shape, const Axes& axis, std::int64_t row,
                  std::int64_t column, std::int64_t channel) {
  std::int64_t index[4] = {};
  index[axis.height] = row, index[axis.width] = column, index[axis.channels] = channel;
  return static_cast<std::size_t>((index[1] * shape[2] + index[2]) * shape[3] + index[3]);
}

// One example, and its shape without the batch's size.
struct Values {
  std::vector<std::int64_t> shape;
  std::vector<float> floats;
  std::vector<std::int32_t> integers;
};

// A whole number of the manifest, which must be from `least` to kLongest.
std::int64_t whole_number(const json& tensor, const char* key, std::int64_t usual,
                          std::int64_t least = 1) {
  const json value = tensor.value(key, json(usual));
  // A number above the largest int64 would come as a negative one.
  if (!value.is_number_integer() || value < least || value > kLongest)
    refuse(std::string(key) + " is " + value.dump() + ", which cannot be: it is a number from " +
           std::to_string(least) + " to " + std::to_string(kLongest) + ".");
  return value;
}

std::int64_t up_to_multiple(std::int64_t side, std::int64_t multiple) {
  return (side + multiple - 1) / multiple * multiple;
}

struct Sides {
  std::int64_t height, width;
};

// The sides that a network takes a picture with.
Sides sides_of(const Picture& picture, const json& tensor) {
  const std::int64_t multiple = whole_number(tensor, "multiple_of", 1);
  const std::int64_t smallest = whole_number(tensor, "smallest", 1);
  return {up_to_multiple(std::max(picture.height, smallest), multiple),
          up_to_multiple(std::max(picture.width, smallest), multiple)};
}

// A picture as the manifest says, reflected where the sides go on behind it.
Values encoded(const Picture& picture, const json& tensor, const Sides& sides) {
  const Axes axis = axes(tensor);
  const auto [low, high] = range(tensor);
  Values values;
  values.shape = {1, 0, 0, 0};
  values.shape[axis.height] = sides.height, values.shape[axis.width] = sides.width;
  values.shape[axis.channels] = picture.channels;
  for (std::size_t i = 1; i < 4; ++i) {
    const json& wanted = tensor.at("shape").at(i);
    if (!wanted.is_null() && wanted != values.shape[i])
      refuse("The picture does not fit: the file takes " + tensor.at("shape").dump() + ", " +
             tensor.at("layout").get<std::string>() + ". Scale or convert it first.");
  }
  values.floats.resize(
      static_cast<std::size_t>(values.shape[1] * values.shape[2] * values.shape[3]));
  for (std::int64_t row = 0; row < sides.height; ++row)
    for (std::int64_t column = 0; column < sides.width; ++column)
      for (std::int64_t channel = 0; channel < picture.channels; ++channel) {
        const auto from = (reflected(row, picture.height) * picture.width +
                           reflected(column, picture.width)) * picture.channels + channel;
        values.floats[place(values.shape, axis, row, column, channel)] = static_cast<float>(
            low + picture.pixels[static_cast<std::size_t>(from)] * ((high - low) / 255.0));
      }
  return values;
}

// The shape of an output, which must be float32 pictures no smaller than `size`: a file may give
// anything, and what lies beyond its end must not be read.
std::vector<std::int64_t> shape_of_pictures(const Ort::Value& output, const Axes& axis,
                                            const Picture& size) {
  const auto info = output.GetTensorTypeAndShapeInfo();
  const std::vector<std::int64_t> shape = info.GetShape();
  const auto fits = [&](std::size_t side, std::int64_t least) {
    return shape[side] >= std::max<std::int64_t>(least, 1);
  };
  if (info.GetElementType() != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT || shape.size() != 4 ||
      shape[0] < 1 || !fits(axis.height, size.height) || !fits(axis.width, size.width) ||
      (shape[axis.channels] != 1 && shape[axis.channels] != 3))
    refuse("The file's output is not float32 pictures of the size that was asked for.");
  return shape;
}

// The first picture of a batch, cropped to a size where one is given.
Levels decoded(const Ort::Value& output, const json& tensor, Picture size) {
  const std::int64_t scale = whole_number(tensor, "scale", 1);
  size.height *= scale, size.width *= scale;
  const Axes axis = axes(tensor);
  const auto [low, high] = range(tensor);
  const std::vector<std::int64_t> shape = shape_of_pictures(output, axis, size);
  const float* values = output.GetTensorData<float>();
  Levels levels;
  levels.height = size.height ? size.height : shape[axis.height];
  levels.width = size.width ? size.width : shape[axis.width];
  levels.channels = shape[axis.channels];
  levels.values.reserve(
      static_cast<std::size_t>(levels.height * levels.width * levels.channels));
  for (std::int64_t row = 0; row < levels.height; ++row)
    for (std::int64_t column = 0; column < levels.width; ++column)
      for (std::int64_t channel = 0; channel < levels.channels; ++channel) {
        const double value = values[place(shape, axis, row, column, channel)];
        const double level = (value - low) * (255.0 / (high - low));
        if (std::isnan(level)) refuse("The file gives values that are not numbers.");
        levels.values.push_back(static_cast<float>(std::clamp(level, 0.0, 255.0)));
      }
  return levels;
}

// Adds levels to a picture, rounded.
void append_rounded(std::vector<std::uint8_t>& pixels, const float* first, std::size_t count) {
  for (const float* level = first; level != first + count; ++level)
    pixels.push_back(static_cast<std::uint8_t>(std::clamp(std::nearbyint(*level), 0.0F, 255.0F)));
}

Values drawn(const json& tensor, std::mt19937_64& random, std::istream& given) {
  Values values;
  values.shape = {1};
  std::int64_t size = 1;
  for (std::size_t i = 1; i < tensor.at("shape").size(); ++i) {
    const std::int64_t side = tensor.at("shape").at(i);
    if (side < 1 || side > kLongest || size > kLongest * kLongest / side)
      refuse("Latents of the shape " + tensor.at("shape").dump() + " cannot be.");
    values.shape.push_back(side);
    size *= side;
  }
  values.floats.resize(static_cast<std::size_t>(size));
  if (given.peek() != std::istream::traits_type::eof()) {
    const auto bytes = static_cast<std::streamsize>(values.floats.size() * sizeof(float));
    if (!given.read(reinterpret_cast<char*>(values.floats.data()), bytes))
      refuse("There are fewer latents than --count asks for.");
    return values;
  }
  const std::string distribution = tensor.value("distribution", "normal");
  if (distribution == "uniform") {
    const auto range = tensor.value("value_range", std::vector<float>{-1.0F, 1.0F});
    std::uniform_real_distribution<float> draw(range.at(0), range.at(1));
    for (float& value : values.floats) value = draw(random);
  } else if (distribution == "normal") {
    std::normal_distribution<float> draw(tensor.value("mean", 0.0F), tensor.value("stddev", 1.0F));
    for (float& value : values.floats) value = draw(random);
  } else {
    refuse("Latents drawn from '" + distribution + "': normal and uniform are known.");
  }
  return values;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return text;
}

// The number of a class or attribute given by name or, where none is called so, by number.
std::int32_t number_of(const std::string& word, const json& names, int first, int last) {
  const auto digit = [](unsigned char letter) { return std::isdigit(letter) != 0; };
  std::int64_t number = -1;
  for (std::size_t i = names.size(); i-- > 0;)
    if (lower(names.at(i)) == lower(word)) number = first + static_cast<std::int64_t>(i);
  for (std::size_t i = names.size(); i-- > 0;)
    if (names.at(i).get<std::string>() == word) number = first + static_cast<std::int64_t>(i);
  if (number < 0 && !word.empty() && word.size() < 9 &&
      std::all_of(word.begin(), word.end(), digit))
    number = std::stoi(word);
  if (number < first || number > last)
    refuse("Unknown: '" + word + "'. Give a number from " + std::to_string(first) + " to " +
           std::to_string(last) + (names.empty() ? "." : ", or one of: " + names.dump() + "."));
  return static_cast<std::int32_t>(number);
}

Values switched(const json& tensor, const std::vector<std::string>& on) {
  const int size = tensor.at("shape").at(1);
  Values values;
  values.shape = {1, size};
  values.integers.assign(static_cast<std::size_t>(size), 0);
  for (const std::string& name : on)
    values.integers[static_cast<std::size_t>(
        number_of(name, tensor.value("names", json::array()), 0, size - 1))] = 1;
  return values;
}

Values labelled(const json& tensor, const std::vector<std::string>& label, std::size_t head) {
  Values values;
  values.shape = {1};
  const int first = tensor.at("value_range").at(0), last = tensor.at("value_range").at(1);
  const std::string word = head < label.size() ? label[head] : std::to_string(first);
  values.integers = {number_of(word, tensor.value("classes", json::array()), first, last)};
  return values;
}

// Truncation of the styles: the manifest's default unless it is given.
Values truncated(const json& tensor, const Options& options) {
  const auto [low, high] = range(tensor);
  const double psi = options.has_psi ? options.psi : tensor.value("default", high);
  if (!(low <= psi && psi <= high))
    refuse("--psi must be a number in " + tensor.at("value_range").dump() + ".");
  Values values;
  values.shape = {1, 1};
  values.floats = {static_cast<float>(psi)};
  return values;
}

// A tensor of the batch's size, which is 1 where it is free; a fixed batch is filled with copies.
Ort::Value batch(Values& values, const json& tensor) {
  const json& fixed = tensor.at("shape").at(0);
  const std::int64_t copies = fixed.is_null() ? 1 : fixed.get<std::int64_t>();
  if (copies < 1) refuse("A batch of " + std::to_string(copies) + " cannot be.");
  const std::string dtype = tensor.at("dtype");
  values.shape[0] = copies;
  const auto filled = [&](auto& numbers) {
    const auto one = numbers;
    for (std::int64_t i = 1; i < copies; ++i)
      numbers.insert(numbers.end(), one.begin(), one.end());
    return Ort::Value::CreateTensor(
        Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault), numbers.data(),
        numbers.size(), values.shape.data(), values.shape.size());
  };
  if (dtype == "float32" && !values.floats.empty()) return filled(values.floats);
  if (dtype == "int32" && !values.integers.empty()) return filled(values.integers);
  refuse("Input '" + tensor.at("name").get<std::string>() + "' is " + dtype +
         ", which this client does not feed.");
}

// === Tiles of a picture to upscale ===

// What a tile contributes to a side: pixels of the larger one, and its share of each.
struct Part {
  std::int64_t first, stop;
  std::vector<float> weights;
};

// Cuts one side of a picture into tiles of one length, as `keras_gans.core.tiling` does: the outer
// 3/8 of what neighbours share is taken from the other one, and they are faded into each other
// across the quarter between.
struct Side {
  std::int64_t length, scale, tile;
  double fade;
  std::vector<std::int64_t> starts;

  // Share of tile `number` and those behind it at a place.
  double after(std::size_t number, double place) const {
    if (number == 0) return 1.0;
    if (number == starts.size()) return 0.0;
    const auto ends = static_cast<double>(starts[number] + starts[number - 1] + tile);
    const double middle = ends * static_cast<double>(scale) / 2;
    return std::clamp((place - middle) / fade + 0.5, 0.0, 1.0);
  }

  Part part(std::size_t number) const {
    const std::int64_t begin = starts[number] * scale;
    const std::int64_t end = std::min(begin + tile * scale, length * scale);
    Part part{begin, begin, {}};
    for (std::int64_t pixel = begin; pixel < end; ++pixel) {
      const double place = static_cast<double>(pixel) + 0.5;
      const double weight = after(number, place) * (1 - after(number + 1, place));
      if (weight > 0) {
        if (part.weights.empty()) part.first = pixel;
        part.stop = pixel + 1;
        part.weights.push_back(static_cast<float>(weight));
      }
    }
    return part;
  }
};

// How the manifest has a side cut, `axis` 0 for height and 1 for width.
Side cut(std::int64_t length, const json& record, std::size_t axis, std::int64_t asked) {
  const json& source = record.at("inputs").at(0);
  const std::int64_t scale = whole_number(record.at("outputs").at(0), "scale", 1);
  const std::string path = record.at("path");
  if (scale < 2 || !source.contains("overlap") || record.at("inputs").size() > 1)
    refuse("The manifest says no scale above 1 and no overlap of tiles for " + path + ": it does "
           "not upscale, or was exported by an earlier version and must be exported again.");
  const std::int64_t overlap = whole_number(source, "overlap", 0, 0);
  const std::int64_t multiple = whole_number(source, "multiple_of", 1);
  const std::int64_t smallest = whole_number(source, "smallest", 1);
  const json tiles = source.value("tile", json::array({128, 128}));
  const Axes places = axes(source);
  const json& fixed = source.at("shape").at(axis == 0 ? places.height : places.width);
  if (!fixed.is_null() && asked && fixed != asked)
    refuse(path + " takes tiles of " + fixed.dump() + " pixels a side only.");
  const std::int64_t least = up_to_multiple(std::max({2 * overlap, multiple, smallest}), multiple);
  if (asked && (asked < std::max(least, 2 * multiple) || asked > kLongest))
    refuse("A tile must have at least " + std::to_string(std::max(least, 2 * multiple)) +
           " pixels a side. Received: " + std::to_string(asked) + ".");
  const json own = !fixed.is_null() ? fixed : asked ? json(asked) : tiles.at(axis);
  const std::int64_t tile = whole_number({{"tile", own}}, "tile", 0);
  if (tile < least)  // parts of such tiles would leave gaps
    refuse("Tiles of " + std::to_string(tile) + " pixels a side cannot be joined: " + path +
           " needs " + std::to_string(least) + " at least.");

  const std::int64_t longest = std::max({length, smallest, fixed.is_null() ? 1 : tile});
  const std::int64_t whole = up_to_multiple(longest, multiple);
  Side side{length, scale, std::min(tile / multiple * multiple, whole), 0, {}};
  side.fade = std::max(static_cast<double>(overlap * scale) / 4, 1e-3);
  const std::int64_t step = std::max<std::int64_t>((side.tile - overlap) / multiple, 1) * multiple;
  const std::int64_t rest = whole - side.tile, last = (rest + step - 1) / step;
  for (std::int64_t number = 0; number <= last; ++number) {
    const double start = last ? static_cast<double>(number * rest) / static_cast<double>(last) : 0;
    side.starts.push_back(
        static_cast<std::int64_t>(std::nearbyint(start / static_cast<double>(multiple))) *
        multiple);
  }
  return side;
}

// What of a picture lies in a tile.
Picture part_of(const Picture& picture, std::int64_t top, std::int64_t left, const Sides& sides) {
  Picture part;
  part.height = std::min(sides.height, picture.height - top);
  part.width = std::min(sides.width, picture.width - left);
  part.channels = picture.channels;
  for (std::int64_t row = 0; row < part.height; ++row) {
    const auto first = picture.pixels.begin() +
                       ((top + row) * picture.width + left) * picture.channels;
    part.pixels.insert(part.pixels.end(), first, first + part.width * picture.channels);
  }
  return part;
}

// Adds a tile to the row of tiles that begins with the row `rows.first` of the larger picture.
void add_tile(const Levels& made, const Part& rows, const Part& columns, std::int64_t top,
              std::int64_t left, std::int64_t row_size, std::vector<float>& band) {
  for (std::int64_t row = rows.first; row < rows.stop; ++row) {
    const float share = rows.weights[static_cast<std::size_t>(row - rows.first)];
    const auto from = ((row - top) * made.width + columns.first - left) * made.channels;
    const float* level = made.values.data() + from;
    float* sum = band.data() + (row - rows.first) * row_size + columns.first * made.channels;
    for (const float weight : columns.weights)
      for (std::int64_t channel = 0; channel < made.channels; ++channel)
        *sum++ += *level++ * weight * share;
  }
}

// === The command ===

// The words between commas, empty ones too: they are nobody's name and get refused.
std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words(1);
  for (const char letter : text)
    if (letter == ',') words.emplace_back();
    else words.back() += letter;
  return words;
}

// Whether all of a text is a number that fits.
template <typename Number>
bool is_number(const std::string& text, Number& number) {
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && rest == end;
}

bool is_decimal(const std::string& text, double& number) {
  char* rest = nullptr;  // std::from_chars lacks floating point in some standard libraries
  number = std::strtod(text.c_str(), &rest);
  return !text.empty() && *rest == '\0';
}

Options parsed(int argc, char** argv) {
  Options options;
  // A folder may be called so too: no other follows it then.
  options.upscale = argc > 2 && argv[1] == std::string("upscale") &&
                    std::strncmp(argv[2], "--", 2) != 0;
  if (options.upscale) --argc, ++argv;
  if (argc < 2)
    refuse("Usage: client [upscale] EXPORT --output FILE [--picture FILE] [--count N] ...");
  options.folder = argv[1];
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--output") options.output = value;
    else if (name == "--picture") options.picture = value;
    else if (name == "--mask") options.mask = value;
    else if (name == "--latents") options.latents = value;  // float32, one after the other
    else if (name == "--network") options.network = value;
    else if (name == "--precision") options.precision = value;
    else if (name == "--attribute") options.attributes.push_back(value);
    else if (name == "--label")
      for (const std::string& word : words_of(value)) options.label.push_back(word);
    else if (name == "--count" && is_number(value, options.count) && options.count > 0) continue;
    else if (name == "--psi" && is_decimal(value, options.psi)) options.has_psi = true;
    else if (name == "--seed" && is_number(value, options.seed)) continue;
    else if (name == "--tile" && is_number(value, options.tile) && options.tile > 0) continue;
    else refuse("Not understood: " + name + " " + value + ".");
  }
  if (argc % 2 != 0) refuse("Each option takes a value.");
  if (options.output.empty()) refuse("Where to write the picture? Give --output.");
  if (options.tile && !options.upscale) refuse("--tile is of `client upscale EXPORT`.");
  return options;
}

void check_asked(const json& record, const Options& options) {
  std::size_t heads = 0, attributes = 0, pictures = 0, masks = 0;
  for (const json& tensor : record.at("inputs")) {
    heads += tensor.at("kind") == "label";
    attributes += tensor.at("kind") == "attributes";
    pictures += tensor.at("kind") == "image";
    masks += tensor.at("kind") == "mask";
    if (tensor.at("kind") == "label_map")
      refuse("The network paints label maps, which export/python takes and this client does not.");
  }
  if (!options.label.empty() && options.label.size() != heads)
    refuse("A label is " + std::to_string(heads) + " classes, with commas between.");
  if (!options.attributes.empty() && attributes == 0) refuse("The model has no attributes.");
  if (options.picture.empty() == (pictures > 0))
    refuse(pictures ? "The network translates pictures: give --picture." :
                      "The network takes no --picture.");
  if (options.mask.empty() == (masks > 0))
    refuse(masks ? "The network fills holes: give --mask, 255 in the hole and 0 elsewhere." :
                   "The network takes no --mask.");
}

// The sides of the picture that a network takes.
Sides sides_taken(const Picture& picture, const json& record) {
  for (const json& tensor : record.at("inputs"))
    if (tensor.at("kind") == "image") return sides_of(picture, tensor);
  refuse("A mask comes with the picture it is of, which " + record.at("path").dump() +
         " does not take.");
}

// Brings back what was known, which rounding may have moved.
void keep_known(const Picture& source, const Picture& mask, Picture& filled) {
  for (std::size_t pixel = 0; pixel < mask.pixels.size(); ++pixel)
    if (mask.pixels[pixel] == 0)
      for (std::int64_t channel = 0; channel < source.channels; ++channel) {
        const std::size_t at = pixel * static_cast<std::size_t>(source.channels) +
                               static_cast<std::size_t>(channel);
        filled.pixels.at(at) = source.pixels[at];
      }
}

Ort::Session opened(const Ort::Env& env, const fs::path& folder, const json& record) {
  const std::string content = checked_content(folder, record);
  // Weights that lie in files of their own, which no hash is of, are looked for where none can be.
  const fs::path nowhere = folder / record.at("path").get<std::string>();
  Ort::SessionOptions how;
  how.AddConfigEntry("session.model_external_initializers_file_folder_path",
                     nowhere.string().c_str());
  return {env, content.data(), content.size(), how};
}

// The first output of a network.
Ort::Value answer(Ort::Session& session, const json& record,
                  const std::vector<Ort::Value>& tensors) {
  std::vector<std::string> names;
  for (const json& tensor : record.at("inputs")) names.push_back(tensor.at("name"));
  std::vector<const char*> inputs;
  for (const std::string& name : names) inputs.push_back(name.c_str());
  const std::string output = record.at("outputs").at(0).at("name");
  const char* outputs[] = {output.c_str()};
  auto given = session.Run(Ort::RunOptions{nullptr}, inputs.data(), tensors.data(),
                           tensors.size(), outputs, 1);
  return std::move(given.at(0));
}

// A picture through a network, enlarged by its scale, tile by tile: what is in memory besides the
// result is a row of tiles.
Picture upscaled(const Picture& source, const json& record, std::int64_t tile,
                 Ort::Session& session) {
  const json& input = record.at("inputs").at(0);
  const json& output = record.at("outputs").at(0);
  const Side down = cut(source.height, record, 0, tile);
  const Side across = cut(source.width, record, 1, tile);
  const Sides sides{down.tile, across.tile};
  const std::int64_t scale = down.scale, row_size = source.width * scale * source.channels;
  Picture large{source.height * scale, source.width * scale, source.channels, {}};
  large.pixels.reserve(static_cast<std::size_t>(large.height * row_size));
  std::vector<float> faded;  // what the row of tiles before adds to the top of the next
  for (std::size_t row = 0; row < down.starts.size(); ++row) {
    const Part rows = down.part(row);
    std::vector<float> band(static_cast<std::size_t>((rows.stop - rows.first) * row_size), 0.0F);
    std::copy(faded.begin(), faded.end(), band.begin());
    for (std::size_t column = 0; column < across.starts.size(); ++column) {
      const Part columns = across.part(column);
      const std::int64_t top = down.starts[row], left = across.starts[column];
      Values values = encoded(part_of(source, top, left, sides), input, sides);
      std::vector<Ort::Value> tensors;
      tensors.push_back(batch(values, input));
      const Ort::Value answered = answer(session, record, tensors);
      const Levels made = decoded(answered, output, {});
      if (made.height != sides.height * scale || made.width != sides.width * scale ||
          made.channels != source.channels)
        refuse("The file does not enlarge " + std::to_string(scale) + " times.");
      add_tile(made, rows, columns, top * scale, left * scale, row_size, band);
    }
    const bool is_last = row + 1 == down.starts.size();
    const std::int64_t finished = is_last ? rows.stop : down.part(row + 1).first;
    const auto count = static_cast<std::size_t>((finished - rows.first) * row_size);
    append_rounded(large.pixels, band.data(), count);
    faded.assign(band.begin() + static_cast<std::ptrdiff_t>(count), band.end());
  }
  return large;
}

// Refuses what is too large, or cannot be cut, before a network is loaded.
void check_upscaling(const Picture& source, const json& record, std::int64_t tile) {
  const Side down = cut(source.height, record, 0, tile);
  const Side across = cut(source.width, record, 1, tile);
  const auto pixels = [&](std::int64_t height, std::int64_t width) {
    const auto times = static_cast<double>(down.scale);
    return static_cast<double>(height * width) * times * times;
  };
  if (pixels(source.height, source.width) > kMostPixels)
    refuse(std::to_string(source.width) + " x " + std::to_string(source.height) +
           " pixels enlarged " + std::to_string(down.scale) + " times are more than " +
           std::to_string(static_cast<std::int64_t>(kMostPixels)) + ".");
  if (pixels(down.tile, across.tile) > kMostPixels)
    refuse("Tiles of " + std::to_string(across.tile) + " x " + std::to_string(down.tile) +
           " pixels are too large: give a smaller --tile.");
}

// Pictures from latents one below the other, or the translation of a picture.
Picture made(const Options& options, const Picture& source, const Picture& mask,
             const std::vector<json>& records, std::vector<Ort::Session>& sessions) {
  const json& record = records.front();
  const json& output = records.back().at("outputs").at(0);
  std::istringstream latents(options.latents.empty() ? "" : read_all(options.latents));
  std::mt19937_64 random(options.seed);
  Picture sheet;
  for (int turn = 0; turn < (options.picture.empty() ? options.count : 1); ++turn) {
    std::vector<Values> values;
    std::vector<Ort::Value> tensors;
    std::size_t head = 0;
    values.reserve(record.at("inputs").size());  // tensors point into it
    for (const json& tensor : record.at("inputs")) {
      const std::string kind = tensor.at("kind");
      if (kind == "latent") values.push_back(drawn(tensor, random, latents));
      else if (kind == "label") values.push_back(labelled(tensor, options.label, head++));
      else if (kind == "attributes") values.push_back(switched(tensor, options.attributes));
      else if (kind == "psi") values.push_back(truncated(tensor, options));
      else if (kind == "image")
        values.push_back(encoded(source, tensor, sides_of(source, tensor)));
      else if (kind == "mask")
        values.push_back(encoded(mask, tensor, sides_taken(source, record)));
      else refuse("Inputs of kind '" + kind + "' are not known.");
      tensors.push_back(batch(values.back(), tensor));
    }
    std::vector<Ort::Value> given;
    given.push_back(answer(sessions[0], record, tensors));
    if (records.size() > 1) given[0] = answer(sessions[1], records[1], given);
    const Levels picture = decoded(given[0], output, source);
    sheet.width = picture.width, sheet.channels = picture.channels;
    sheet.height += picture.height;
    append_rounded(sheet.pixels, picture.values.data(), picture.values.size());
  }
  if (!mask.pixels.empty()) {
    if (sheet.channels != source.channels) refuse("What is filled in has other channels.");
    keep_known(source, mask, sheet);
  }
  return sheet;
}

void run(const Options& options) {
  const json manifest = json::parse(read_all(options.folder / "manifest.json"));
  const std::vector<json> records = all_chosen(manifest, options);
  check_asked(records.front(), options);
  const Picture source = options.picture.empty() ? Picture{} : read_picture(options.picture);
  const Picture mask = options.mask.empty() ? Picture{} : read_mask(options.mask, source);
  if (options.upscale) check_upscaling(source, records.front(), options.tile);

  Ort::Env env(ORT_LOGGING_LEVEL_ERROR, "client");
  std::vector<Ort::Session> sessions;
  for (const json& one : records) sessions.push_back(opened(env, options.folder, one));
  write_picture(options.upscale ? upscaled(source, records.front(), options.tile, sessions[0]) :
                                  made(options, source, mask, records, sessions),
                options.output);
}

int main(int argc, char** argv) {
  try {
    run(parsed(argc, argv));
  } catch (const std::exception& error) {
    std::cerr << "Error: " << error.what() << '\n';
    return 2;
  }
}
