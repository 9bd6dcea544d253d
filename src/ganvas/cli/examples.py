"""What `--help` of a command ends with. Three spaces end a command; what follows explains it."""

EXAMPLES = {
    "train": """
        ganvas train --minutes 3                                     5,000 handwritten digits, the default recipe
        ganvas train dcgan --data my/photos --size 64 --run runs/photos
        ganvas train --resume runs/photos                            goes on where it stopped
        ganvas train --resume runs/photos --fork runs/photos-2 --lr 1e-4""",
    "sample": """
        ganvas sample runs/photos -n 64 --seed 1 --out sheet.png     one sheet of 64 pictures
        ganvas sample runs/photos --class 7                          of one class, by name or index
        ganvas sample runs/photos -n 1000 --singles --out pictures   a folder of 1,000 files
        ganvas sample runs/photos -n 1000 --out pictures.npy         one array, N×C×H×W""",
    "interpolate": """
        ganvas interpolate runs/a --from 17 --to 42 --out walk.webp
        ganvas interpolate runs/a --from 17 --through 42,5,8 --loop --out round.gif
        ganvas interpolate runs/a --corners 17,42,5,8 --out grid.png
        ganvas interpolate runs/cgan --from 17 --class 3 --to-class 7 --out threes-to-sevens.png""",
    "arithmetic": """
        ganvas arithmetic runs/a --plus smiling.txt --minus neutral.txt --to 17,42 --save smile.safetensors --out smile.png
        ganvas arithmetic runs/a --direction slant --to 17,42 --strength 3 --out slant.webp
        ganvas arithmetic runs/a --direction sefa --to 17 --out overview.png
        ganvas sample runs/a --direction smile.safetensors --strength 1.5""",
    "invert": """
        ganvas invert runs/a photo.png --out sheet.png
        ganvas interpolate runs/a --from sheet.safetensors --to 17
        ganvas arithmetic runs/a --direction slant --to sheet.safetensors""",
    "translate": """
        ganvas translate runs/pix2pix-edges drawing.png digit.png
        ganvas translate runs/cyclegan-photos photos out --to A      a folder, the way back
        ganvas translate runs/pix2pix-edges - -                      a pipe: standard input to standard output""",
    "draw": """
        ganvas draw runs/stackgan "a small red circle above a blue square" -n 8 --seed 1 --out sheet.png
        ganvas draw runs/stackgan --prompts sentences.txt --out sheet.png
        ganvas draw runs/stackgan "a red circle" --to "a blue square" --out film.webp
        ganvas draw runs/stackgan "a red circle" --stage 1           what stage II begins from""",
    "upscale": """
        ganvas upscale runs/srgan-photos photos out                  a folder; --phase srresnet: truer, less sharp""",
    "evaluate": """
        ganvas evaluate runs/auto-digits                             against images the run never trained on
        ganvas evaluate runs/auto-digits --metric kid,prdc,c_t,authpct
        ganvas evaluate runs/auto-digits --neighbours nearest.png       learned by heart? the nearest training images
        ganvas evaluate generated --against real                     any two folders: the published FID
        ganvas evaluate upscaled --against originals --metric psnr,ssim""",
    "stats": """
        ganvas stats real --out ref.npz                              mean and covariance of Inception's features
        ganvas evaluate generated --against ref.npz""",
    "compare": """
        ganvas compare runs/auto-digits runs/dcgan-digits
        ganvas compare runs/a runs/b runs/c --html compare.html      a page with their sheets""",
    "report": """
        ganvas report runs/photos                                    writes runs/photos/report.html
        ganvas report runs/photos --lang ko                          in Korean""",
    "doctor": """
        ganvas doctor runs/photos                                    what ails a run, and what to do
        ganvas doctor --data my/photos                               what is wrong with data, before training
        ganvas doctor --data my/photos dcgan                         also: what a run of dcgan takes here
        ganvas doctor --data my/photos --against my/test --out pairs.png""",
    "recipes": """
        ganvas recipes
        ganvas show dcgan                                            all about one of them""",
    "show": """
        ganvas show                                                  the default recipe on the default data
        ganvas show dcgan --data my/photos --size 64                 networks and cost for your images
        ganvas show gan --n-critic 5 --loss wasserstein              another argument, seen before it is trained""",
    "lab": """
        ganvas lab                                                   which there are
        ganvas lab density --out slides/density                      pictures, a film and numbers in a folder
        ganvas lab modes --data grid25 --recipes wgan_gp r3gan --seeds 5""",
}
